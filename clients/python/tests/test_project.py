"""Where a project's function is, from files and the environment alone."""

import json
import os
import stat
from pathlib import Path

import pytest

import quackctl
from quackctl.project import find


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch, tmp_path):
    for name in list(os.environ):
        if name.startswith(("QUACK_", "AWS_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def local(folder: Path, stage="dev", project="lake"):
    """What `up` leaves of a local stage."""
    state = folder / ".quack" / stage
    state.mkdir(parents=True)
    (state / "stage.json").write_text(json.dumps({"id": "1", "project": project}))
    (state / "endpoint.json").write_text(json.dumps({"port": 4321, "pid": 1, "id": 1, "started_at": ""}))
    (state / "credentials").write_text("[default]\naws_access_key_id = QUAKID\naws_secret_access_key = s3cret/+=\n")


def test_a_local_stage(tmp_path, monkeypatch):
    lake = tmp_path / "lake"
    below = lake / "a" / "b"
    below.mkdir(parents=True)
    (lake / "quack.toml").write_text('project = "lake"\n[[data]]\ntable = "trips"\nsample = "taxi"\n')
    with pytest.raises(quackctl.OperationalError, match="(?s)not up.*quackctl up"):
        find(below)
    local(lake)
    local(lake, "test")
    place = find(below)
    assert (place.function, place.bucket, place.results) == ("quack-lake-dev", "quack-lake-dev", "_quack/results/")
    assert (place.endpoint_url, place.keys, place.is_local) == ("http://127.0.0.1:4321", ("QUAKID", "s3cret/+="), True)
    assert "s3cret" not in repr(place), "no secret is shown"
    assert find(lake, stage="test").function == "quack-lake-test"
    monkeypatch.chdir(below)
    assert find() == place
    monkeypatch.setenv("QUACK_STAGE", "test")
    assert find().function == "quack-lake-test" and find(stage="dev") == place
    (lake / ".env").write_text("# mine\nexport QUACK_STAGE='other'\nQUACK_PROJECT = \"lake\" # so\nSECRET=x\n")
    assert find().function == "quack-lake-test", "the environment wins over .env"
    monkeypatch.delenv("QUACK_STAGE")
    with pytest.raises(quackctl.OperationalError, match="'other' is not up"):
        find()
    for given in ({"endpoint_url": "http://x"}, {"bucket": "x"}):
        with pytest.raises(quackctl.InterfaceError, match="address and keys of its own"):
            quackctl.connect(lake, stage="dev", **given)


def test_nobody_listens_where_it_was_up(tmp_path, monkeypatch):
    """A proxy and a profile of the environment have no say."""
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (tmp_path / "quack.toml").write_text('project = "lake"\n')
    local(tmp_path)
    (tmp_path / ".quack" / "dev" / "endpoint.json").write_text(json.dumps({"port": port}))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_PROFILE", "nowhere")
    with pytest.raises(quackctl.OperationalError, match=f"(?s)nothing answers.*127.0.0.1:{port}.*quackctl up"):
        quackctl.connect(tmp_path).sql("SELECT 1")


def test_a_stage_on_aws(tmp_path, monkeypatch):
    (tmp_path / "quack.toml").write_text(
        'project = "sales"\ntarget = "aws"\n[aws]\nregion = "eu-central-1"\nprofile = "me"\n[lake]\nbucket = "ours"\nmanage = false\nprefix = "team/q"\n'
    )
    place = find(tmp_path)
    assert (place.function, place.region, place.profile, place.architecture) == ("quack-sales-dev", "eu-central-1", "me", "arm64")
    assert (place.bucket, place.results, place.keys, place.is_local) == ("ours", "team/q/results/", None, False)
    assert find(tmp_path, region="us-west-2", profile="you").region == "us-west-2"
    with pytest.raises(quackctl.OperationalError, match="(?s)no credentials.*me"):
        quackctl.connect(tmp_path)
    (tmp_path / "quack.toml").write_text('project = "sales"\ntarget = "aws"\narch = "amd64"\n')
    place = find(tmp_path)
    assert (place.bucket, place.results, place.region, place.architecture) == (None, "_quack/results/", None, "x86_64")
    with pytest.raises(quackctl.InterfaceError, match="(?s)no AWS region.*region="):
        quackctl.connect(tmp_path)
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION"):
        monkeypatch.setenv(name, f"{name.lower().replace('_', '-')}")
        assert name.lower().replace("_", "-") in repr(quackctl.connect(tmp_path))


@pytest.mark.parametrize(
    "text, words",
    [
        ("project = ", "mend the line"),
        ("project = 5", "is 5, and no text"),
        ('project = "../x"', "'../x'"),
        ('project = "UPPER"', "'UPPER'"),
        ('target = "azure"', "'azure'"),
        ('project = "lake"\nstage = "a b"', "'a b'"),
    ],
)
def test_settings_that_make_no_sense_are_quoted(tmp_path, text, words):
    (tmp_path / "quack.toml").write_text(text)
    with pytest.raises(quackctl.InterfaceError, match=words):
        find(tmp_path)


def test_no_project(tmp_path):
    with pytest.raises(quackctl.InterfaceError, match="(?s)no quack.toml.*function="):
        find(tmp_path)
    with pytest.raises(quackctl.InterfaceError, match="no folder"):
        find(tmp_path / "nothing")
    with pytest.raises(quackctl.InterfaceError, match="one of the two"):
        quackctl.connect(tmp_path, function="f")


def test_a_project_that_was_renamed_is_told(tmp_path):
    local(tmp_path, project="before")
    assert find(tmp_path).function == "quack-before-dev", "a folder's name is nothing that anybody said"
    (tmp_path / "quack.toml").write_text('project = "after"\n')
    with pytest.raises(quackctl.InterfaceError, match="(?s)as project 'before'.*project = \"before\""):
        find(tmp_path)


def test_what_others_put_above_is_nobodys_project(tmp_path):
    (tmp_path / "quack.toml").write_text('project = "theirs"\ntarget = "aws"\n')
    here = tmp_path / "here"
    here.mkdir()
    assert find(here).function == "quack-theirs-dev"
    tmp_path.chmod(tmp_path.stat().st_mode | stat.S_IWOTH)
    with pytest.raises(quackctl.InterfaceError, match="no quack.toml"):
        find(here)


def test_damaged_state_is_told(tmp_path):
    (tmp_path / "quack.toml").write_text('project = "lake"\n')
    local(tmp_path)
    state = tmp_path / ".quack" / "dev"
    for name, text in [("endpoint.json", "{"), ("endpoint.json", '{"port": 99999999}'), ("endpoint.json", '["x"]'), ("credentials", "nothing")]:
        was = (state / name).read_text()
        (state / name).write_text(text)
        with pytest.raises(quackctl.OperationalError, match="quackctl up"):
            find(tmp_path)
        (state / name).write_text(was)
    assert find(tmp_path).endpoint_url == "http://127.0.0.1:4321"
