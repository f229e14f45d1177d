"""A local page on which one drops a photo and sees its keypoints. Needs `pip install -e '.[demo]'`.

python demos/serve.py --model_dir=MODELS [--flagfile=configs/hourglass_small.cfg]

With the recipe it predicts as eval_all.py does.
"""

import os
import threading

from configs import command_line
from configs.errors import DataError
from configs.keypoints import ALL, CATEGORIES, keypoint_names, outline

FLAGS = ("model_dir", "host", "port", "most_megabytes", "inference")
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
        DataError: there is no model, the port is taken, or the libraries are not installed.
    """
    try:
        import waitress
    except ImportError as error:
        raise DataError("waitress", None, "is not installed: pip install -e '.[demo]' would be right") from error
    from utility import inference
    from utility.predict import Predictor

    options = inference.options_from(vars(flags))
    predictors = {
        name: Predictor(folder, options=options, precision=flags.precision)
        for name, folder in _find_models(flags.model_dir).items()
    }
    hosts = {flags.host, "127.0.0.1", "localhost"} if flags.host in ("127.0.0.1", "localhost") else None
    app = create_app(predictors, flags.most_megabytes, hosts)
    try:
        server = waitress.create_server(app, host=flags.host, port=flags.port, threads=4)
    except OSError as error:
        raise DataError(f"{flags.host}:{flags.port}", None, f"cannot be served ({error.strerror})") from error
    print(f"http://{flags.host}:{server.effective_port}/ ({', '.join(predictors)}); Ctrl-C stops it", flush=True)
    # In a thread, because the server takes Ctrl-C and SIGTERM for a good end; here they reach the exit code.
    serving = threading.Thread(target=server.run, daemon=True)
    serving.start()
    serving.join()


def _find_models(model_dir):
    """Returns {category: folder} of a parent folder's models, or of the one model that `model_dir` is."""
    from utility import model_directory

    if os.path.exists(os.path.join(model_dir, model_directory.DESCRIPTION)):
        return {model_directory.read(model_dir)["category"]: model_dir}
    found = model_directory.find(model_dir)
    if not found:
        raise DataError(model_dir, None, "has no model: a folder that train_hg.py or train_cpn.py wrote would be right")
    return found


def create_app(predictors, most_megabytes=20, hosts=None):
    """Returns the Flask application.

    Args:
        predictors: {category or `all`: Predictor}; a category without its own uses that of `all`.
        most_megabytes: the largest upload that is read.
        hosts: the names by which the page may be called; None for any. On a local page a name that is not known is
            a foreign site's that points here.
    """
    import flask

    app = flask.Flask(__name__, template_folder=_HERE, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = int(most_megabytes * 1e6)
    app.json.sort_keys = False  # keypoints stay in the schema's order
    categories = [name for name in CATEGORIES if name in predictors or ALL in predictors]
    one_at_a_time = threading.Lock()

    @app.before_request
    def refuse_foreign_names():
        if hosts is not None and flask.request.host.rsplit(":", 1)[0] not in hosts:
            flask.abort(403)

    @app.after_request
    def add_headers(response):
        response.headers.update(_HEADERS)
        return response

    @app.get("/")
    def page():
        outlines = {name: outline(name) for name in categories}
        return flask.render_template("serve.html", categories=categories, outlines=outlines, colors=_colors())

    @app.post("/predict")
    def predict():
        category = flask.request.form.get("category")
        upload = flask.request.files.get("photo")
        if upload is None or category not in categories:
            return {"error": f"a photo and one of {', '.join(categories)} would be right"}, 400
        predictor = predictors.get(category) or predictors[ALL]
        with one_at_a_time:  # a prediction uses every core already, and the memory of one is enough
            return _answer(predictor, upload.read(), category)

    @app.errorhandler(413)
    def too_large(_):
        return {"error": f"has more than {most_megabytes:g} MB: a smaller photo would be right"}, 413

    return app


def _answer(predictor, data, category):
    """Returns the prediction as JSON, or why there is none and the status 400."""
    from preprocessing import photos
    from utility import predict

    try:
        image = predict.decode(photos.check(data).encoded, "the photo")
        return predictor.predict(image, category)
    except (photos.BadPhoto, DataError) as error:
        return {"error": str(error)}, 400


def _colors():
    from utility.drawing import keypoint_color

    return {name: "#{:02x}{:02x}{:02x}".format(*keypoint_color(name)) for name in keypoint_names(ALL)}


if __name__ == "__main__":
    command_line.run(main, __doc__, flags=FLAGS, required=["model_dir"])
