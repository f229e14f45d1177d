"""A local page on which one drops a photo and sees its keypoints. Needs `pip install -e '.[demo]'`.

python demos/serve.py --model_dir=MODELS [--flagfile=configs/hourglass_small.cfg]

With the recipe it predicts as eval_all.py does. Several folders with commas between are an ensemble, as there.
"""

import concurrent.futures
import ipaddress
import os
import re
import socket
import threading

from base.errors import DataError
from base.schema import ALL
from configs import command_line, cross_checks, paths

FLAGS = ("model_dir", "host", "port", "max_upload_mb", "inference")
_MOST_WAITING = 32  # photos; a thread each, which costs next to nothing
_HERE = os.path.dirname(os.path.abspath(__file__))
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self' blob: data:; style-src 'unsafe-inline'; "
    "script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def main(flags):
    """Serves until it is stopped.

    Raises:
        UsageError: the flags of prediction are wrong.
        DataError: there is no model, the port is taken, or the libraries are not installed.
    """
    cross_checks.check_inference(flags)
    try:
        import waitress
    except ImportError as error:
        raise DataError("waitress", None, "is not installed: run pip install -e '.[demo]'") from error
    listening = _listen(flags.host, flags.port)
    models = find_models(paths.listed(flags.model_dir))
    from utility.prediction import inference
    from utility.prediction.predictor import Predictor

    options = inference.options_from(vars(flags))
    predictors = {
        name: Predictor(folders, name, options=options, precision=flags.precision) for name, folders in models.items()
    }
    app = create_app(predictors, flags.max_upload_mb, local_names(flags.host, listening.getsockname()[0]))
    limits = {"threads": _MOST_WAITING + 4, "max_request_body_size": app.config["MAX_CONTENT_LENGTH"] + 1}
    server = waitress.create_server(app, sockets=[listening], **limits)
    host = f"[{flags.host}]" if ":" in flags.host else flags.host
    print(f"http://{host}:{server.effective_port}/ ({', '.join(predictors)}); Ctrl-C stops it", flush=True)
    # In a thread, because the server takes Ctrl-C and SIGTERM for a good end; here they reach the exit code.
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    try:
        serving.join()
    finally:  # or Python would first see to the photos that wait
        app.extensions["worker"].shutdown(wait=False, cancel_futures=True)


def _listen(host, port):
    """Returns the socket to serve at: taken before the models are loaded, which nobody should wait for in vain.

    Raises:
        DataError: the host has no such address, or another program has the port.
    """
    try:
        if not host:
            raise socket.gaierror
        families = {family for family, *_ in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)}
        family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
        return socket.create_server((host, port), family=family)
    except (OSError, UnicodeError) as error:  # UnicodeError: of a name that is no host's
        number = getattr(error, "errno", None) or -1  # below 0: of a name that stands for no address
        reason = os.strerror(number) if number > 0 else "no such address"
        raise DataError(f"{host}:{port}", None, f"cannot be served ({reason})") from error


def local_names(host, address):
    """Returns the names by which a page that only this machine reaches may be called; None where others reach it.

    Args:
        host: as the user names it.
        address: what it stands for: a name, and other spellings of a number, may lead here or anywhere.
    """
    if not ipaddress.ip_address(address).is_loopback:
        return None
    return {f"[{name}]" if ":" in name else name.lower() for name in (host, address, "127.0.0.1", "localhost")}


def find_models(parents):
    """Returns {category or `all`: [folder of its model in each parent]} of what at least one parent has a model for.

    Raises:
        DataError: a parent holds no model, or they know no garment in common.
    """
    from utility.model import model_directory
    from utility.prediction import model_choice

    found = [model_directory.find(parent) for parent in parents]
    known = [name for name in (*model_choice.garments(parents), ALL) if any(name in models for models in found)]
    known = [name for name in known if all(name in models or ALL in models for models in found)]
    if not known:
        raise DataError(",".join(parents), None, "expected models of the same garment, got none in common")
    return model_choice.find_models(parents, known)


def create_app(predictors, max_upload_mb=20, hosts=None):
    """Returns the Flask application.

    Args:
        predictors: {category or `all`: Predictor}; a category without its own uses that of `all`.
        max_upload_mb: the largest upload that is read.
        hosts: the names by which the page may be called; None for any. On a local page a name that is not known is
            a foreign site's that points here.
    """
    import flask

    from base import ellipses

    app = flask.Flask(__name__, template_folder=_HERE, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(max_upload_mb * 1e6)
    app.json.sort_keys = False  # keypoints stay in the schema's order
    by_category = garments(predictors)
    categories = list(by_category)
    # One thread, because a prediction uses every core already, and each thread keeps the memory of its largest photo.
    worker = app.extensions["worker"] = concurrent.futures.ThreadPoolExecutor(1)
    places = threading.BoundedSemaphore(_MOST_WAITING)

    @app.before_request
    def refuse_foreign_names():
        if hosts is not None and re.sub(r":\d+$", "", flask.request.host.lower()) not in hosts:
            flask.abort(403)

    @app.before_request
    def refuse_foreign_pages():
        """Another site's page may send a form here; browsers say so, and other clients say nothing."""
        if flask.request.method == "POST" and _is_foreign(flask.request.headers, flask.request.host):
            flask.abort(403)

    @app.after_request
    def add_headers(response):
        response.headers.update(_HEADERS)
        return response

    @app.get("/")
    def page():
        outlines = {name: predictor.schema.outline(name) for name, predictor in by_category.items()}
        colors = {name: _colors(predictor.schema, name) for name, predictor in by_category.items()}
        return flask.render_template(
            "serve.html", categories=categories, outlines=outlines, colors=colors, radius=ellipses.radius(0.95)
        )

    @app.post("/predict")
    def predict():
        category = flask.request.form.get("category")
        upload = flask.request.files.get("photo")
        if upload is None or category not in categories:
            return {"error": f"expected a photo and one of {', '.join(categories)}"}, 400
        if not places.acquire(blocking=False):
            return {"error": f"has to wait behind {_MOST_WAITING} others: try again in a moment"}, 503
        try:
            return worker.submit(_answer, by_category[category], upload, category).result()
        finally:
            places.release()

    @app.errorhandler(413)
    def too_large(_):
        if (flask.request.content_length or 0) > app.config["MAX_CONTENT_LENGTH"]:
            return {"error": f"has more than {max_upload_mb:g} MB: expected a smaller photo"}, 413
        return {"error": "came with more or larger fields than expected, a photo and a garment"}, 413

    return app


def garments(predictors):
    """Returns {category: the Predictor that finds it}: its own, or that of `all` of a schema that has it.

    In the order of the predictors' schemas, of which there may be several.
    """
    ordered = {name: None for predictor in predictors.values() for name in predictor.schema.category_names}
    by_all = dict.fromkeys(predictors[ALL].schema.category_names, predictors[ALL]) if ALL in predictors else {}
    found = {**by_all, **{name: predictor for name, predictor in predictors.items() if name != ALL}}
    return {name: found[name] for name in ordered if name in found}


def _is_foreign(headers, host):
    if headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        return True
    return "Origin" in headers and headers["Origin"].partition("://")[2] != host


def _answer(predictor, upload, category):
    """Returns the prediction as JSON, or why there is none and the status 400."""
    from base import stderr
    from preprocessing.data import photos
    from utility.prediction import photo_reading

    try:
        photo = photos.check(upload.read())
        with stderr.quiet():
            image = photo_reading.decode(photo.encoded, "the photo")
        return predictor.predict(image, category)
    except (photos.BadPhoto, DataError) as error:
        return {"error": str(error)}, 400


def _colors(schema, category):
    from utility.drawing import keypoint_color

    names = schema.keypoint_names(category)
    return {name: "#{:02x}{:02x}{:02x}".format(*keypoint_color(schema, name)) for name in names}


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["model_dir"])
