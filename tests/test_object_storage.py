"""Everything from a bucket and back, against an S3 server: equal to what a machine's own folders give."""

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import made_trainings
import pytest
from conftest import run_program

pytest.importorskip("moto")
pytest.importorskip("s3fs")

ROOT = Path(__file__).parents[1]
URL = "s3://bucket/Röcke #1 [a]"
WORDS = ("--max_steps=12", "--epochs_per_eval=1")  # three evaluations


@pytest.fixture(scope="module")
def server():
    """An S3 server with an empty bucket, and the environment that leads there."""
    from moto.server import ThreadedMotoServer

    running = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    variables = {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        import fsspec

        fsspec.filesystem("s3").mkdir("bucket")
        yield port
    running.stop()


def objects(url):
    """Returns {name: bytes} below a URL, without what TensorBoard reads, which holds times."""
    import fsspec

    files, root = fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
    return {name[len(root) + 1 :]: files.cat_file(name) for name in files.find(root) if "tfevents" not in name}


def tree(folder):
    found = [path for path in folder.rglob("*") if path.is_file() and "tfevents" not in path.name]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def upload(folder, url):
    import fsspec

    files, root = fsspec.core.url_to_fs(url)
    for name, data in tree(folder).items():
        files.pipe_file(f"{root}/{name}", data)


def killed_behind(step, *words):
    """Starts a training, and kills it when the bucket's last checkpoint is of a step, or a later one."""
    import fsspec

    files, path = fsspec.core.url_to_fs(f"{URL}/MODELS/skirt/checkpoint", use_listings_cache=False)
    training = made_trainings.start(*words)
    end, last = time.monotonic() + 250, -1
    while last < step:
        assert training.poll() is None, training.stderr.read()
        assert time.monotonic() < end, "no checkpoint"
        time.sleep(0.5)
        with contextlib.suppress(FileNotFoundError):
            last = int(files.cat_file(path).split(b'"')[1].split(b"-")[1])
    training.kill()
    training.wait()
    training.stdout.close()
    training.stderr.close()
    return last


def test_a_killed_training_goes_on_from_the_bucket_with_an_empty_disk(server, tmp_path, capsys):
    records = made_trainings.write_records(tmp_path / "records")
    upload(Path(records), f"{URL}/RECORDS")
    place = (f"{URL}/RECORDS", f"{URL}/MODELS", *WORDS)
    assert killed_behind(4, *place, f"--cache_dir={tmp_path / 'one'}") < 12
    assert "skirt/.lock" in objects(f"{URL}/MODELS")
    shutil.rmtree(tmp_path / "one")
    with pytest.raises(SystemExit) as stop:
        made_trainings.run(*made_trainings.words(*place, f"--cache_dir={tmp_path / 'two'}"))
    assert (stop.value.code, f"goes on from {URL}/MODELS/skirt/model.ckpt-" in capsys.readouterr().err) == (0, True)
    made_trainings.train_all(records, tmp_path / "here", *WORDS)
    assert objects(f"{URL}/MODELS/skirt") == tree(tmp_path / "here" / "skirt")  # weights, byte for byte, and all others


class Gate:
    """A port that leads to a server, and can be shut: connections are then refused, and those that are open break."""

    def __init__(self, port):
        self._port, self._proxy, self.port = port, None, 0
        self.open()

    def open(self):
        import socketserver

        gate, connections = self, set()

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                import socket

                with socket.create_connection(("127.0.0.1", gate._port)) as upstream:
                    connections.update([self.request, upstream])
                    back = threading.Thread(target=pump, args=(upstream, self.request), daemon=True)
                    back.start()
                    pump(self.request, upstream)

        def pump(source, target):
            with contextlib.suppress(OSError):
                while data := source.recv(1 << 16):
                    target.sendall(data)
            for end in (source, target):
                with contextlib.suppress(OSError):
                    end.shutdown(2)

        socketserver.ThreadingTCPServer.allow_reuse_address = True
        socketserver.ThreadingTCPServer.daemon_threads = True
        self._connections = connections
        self._proxy = socketserver.ThreadingTCPServer(("127.0.0.1", self.port), Handler)
        self.port = self._proxy.server_address[1]
        threading.Thread(target=self._proxy.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def shut(self):
        self._proxy.shutdown()
        self._proxy.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(2)


def test_a_server_that_is_away_for_a_while_costs_time_alone(server, photos, tmp_path, monkeypatch):
    few = tmp_path / "DATA"
    assert run_program("tools/make_synthetic_data.py", f"--output_dir={few}", "--num_train=30", "--num_test=0",
                       "--image_size=96") == 0  # fmt: skip
    upload(few, f"{URL}/DATA")
    assert run_program("tools/convert_tfrecords.py", f"--data_dir={few}", f"--output_dir={tmp_path / 'here'}") == 0
    gate = Gate(server)
    words = [f"--data_dir={URL}/DATA", f"--output_dir={URL}/GATED", f"--cache_dir={tmp_path / 'cache'}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_ENDPOINT_URL": f"http://127.0.0.1:{gate.port}"}
    program = [sys.executable, str(ROOT / "tools" / "convert_tfrecords.py"), *words]
    with subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) as conversion:
        while not list((tmp_path / "cache").glob("written/*/GATED/.pending/*")):
            assert conversion.poll() is None, conversion.stderr.read()
            time.sleep(0.05)
        gate.shut()
        time.sleep(6)
        assert conversion.poll() is None, conversion.stderr.read()
        gate.open()
        _, errors = conversion.communicate(timeout=200)
    gate.shut()
    assert conversion.returncode == 0, errors
    assert objects(f"{URL}/GATED") == tree(tmp_path / "here")


@pytest.mark.parametrize(("flag", "place"), [("data_dir", "s3://none/DATA"), ("output_dir", "s3://none/RECORDS")])
def test_a_bucket_that_is_missing_is_one_line(server, photos, tmp_path, capsys, flag, place):
    words = {"data_dir": photos, "output_dir": tmp_path / "out", "cache_dir": tmp_path / "cache", flag: place}
    assert run_program("tools/convert_tfrecords.py", *(f"--{name}={value}" for name, value in words.items())) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"convert_tfrecords.py: {place}")
    assert "The specified bucket does not exist" in line


def test_credentials_that_are_missing_or_wrong_are_one_line(server, photos, tmp_path):
    words = [f"--data_dir={URL}/DATA", f"--output_dir={tmp_path / 'out'}", f"--cache_dir={tmp_path / 'cache'}"]
    program = [sys.executable, str(ROOT / "tools" / "convert_tfrecords.py"), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)}
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        del environment[name]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(
        f"convert_tfrecords.py: {URL}/DATA: cannot be read (Unable to locate credentials): expected "
    )
