"""Flags that contradict each other are refused before anything runs."""

import types

import pytest

from base.errors import UsageError
from configs import cross_checks
from net import backbones, registry


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--train_image_size=128", "--heatmap_size=48"), "--heatmap_size=48 does not divide --train_image_size=128"),
        (("--train_image_size=128", "--heatmap_size=64"), "--train_image_size=128: 32 is right"),
        (("--decay_boundaries=20,10",), "--decay_boundaries=20,10 must rise"),
        (("--decay_boundaries=10",), "--lr_decay_factors has 3 values"),
        (("--decode=median",), "--decode=median requires probability heatmaps"),
        (("--model_to_train=skirt,skirt",), "names one of them twice"),
        (("--model_to_train=hat",), "--model_to_train"),
        (("--model_to_train=",), "--model_to_train is empty"),
        (("--distribution=none", "--num_devices=2"), "--num_devices=2 asks for more"),
        (("--category_epochs=skirt:1e308",), "--category_epochs"),
        (("--model_to_train=all", "--seq_train"), "--seq_train"),
    ],
)
def test_contradictions(program, tmp_path, capsys, words, named):
    models = tmp_path / "models"
    assert program("train_hg.py", f"--data_dir={tmp_path}", f"--model_dir={models}", *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert named in error
    assert not models.exists()


def test_an_option_of_another_backbone_or_net_is_refused_on_the_command_line_alone(program, tmp_path, capfd):
    inspect = "tools/inspect_model.py", "--category=skirt"
    for words, line in (
        (
            ["--net=cpn", "--detnet_laterals=paper"],
            "--detnet_laterals is an option of detnet59: the net is cpn on resnet50",
        ),
        (["--net=hourglass", "--head_channels=16"], "--head_channels is an option of cpn: the net is hourglass"),
    ):
        assert program(*inspect, *words) == 2
        assert line in capfd.readouterr().err
    recipe = tmp_path / "detnet.cfg"
    recipe.write_text("--net=cpn\n--backbone=detnet59\n--detnet_laterals=paper\n")
    assert program(*inspect, f"--flagfile={recipe}", "--backbone=resnet50", "--height=64", "--width=64") == 0
    train = "train_cpn.py", f"--data_dir={tmp_path}", f"--model_dir={tmp_path}/MODELS"
    assert program(*train, "--detnet_laterals=paper") == 2
    assert "the net is cpn on resnet50" in capfd.readouterr().err


def test_a_model_has_its_own_net(program, tmp_path, capfd):
    assert program("tools/inspect_model.py", f"--model_dir={tmp_path}", "--num_stacks=2") == 2
    line = f"--num_stacks describes a net: expected none beside --model_dir={tmp_path}, whose model has its own"
    assert line in capfd.readouterr().err


@pytest.mark.parametrize("net", registry.names())
def test_each_option_is_taken_by_its_owners_alone(net):
    """On the command line, for every net on every backbone: what `registry.complete` has is taken, all else refused."""
    has_backbone = "backbone" in registry.option_rows(net)
    for backbone in backbones.names() if has_backbone else [None]:
        own = registry.complete(net, {"backbone": backbone} if has_backbone else {})
        for option in registry.all_option_rows():
            flags = types.SimpleNamespace(backbone=backbone, typed={option, "data_dir"})
            if option in own:
                cross_checks.check_net_options(flags, net)
            else:
                assert registry.owners(option)
                with pytest.raises(UsageError, match=f"^--{option} is an option of "):
                    cross_checks.check_net_options(flags, net)


@pytest.mark.parametrize("name", ["eval_all.py", "tools/convert_tfrecords.py"])
@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--shard=0/3"], "--shard=0/3: expected I/N"),
        (["--shard=2"], "--shard=2: expected I/N"),
        (["--shard="], "--shard=: expected I/N"),
        (["--shard=1/3", "--merge"], "--shard makes a part, --merge puts all of them together: choose one"),
        (["--ray_address=auto"], "--ray_address goes with --engine=ray, which is not given"),
    ],
)
def test_flags_of_a_work_in_parts(program, tmp_path, capfd, name, words, line):
    places = [f"--{flag}={tmp_path}/{flag}" for flag in ("data_dir", "model_dir", "output")]
    places = [*places[:1], f"--output_dir={tmp_path}/out"] if "convert" in name else places
    assert program(name, *places, *words) == 2
    assert line in capfd.readouterr().err
    assert not list(tmp_path.iterdir())
