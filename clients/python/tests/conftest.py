"""Tests against a stage that is up: `QUACKCTL_TEST_PROJECT` is the folder of its project, whose table `trips` is the taxi sample.
Those of this folder that need none run without."""

import os

import pytest

import quackctl


@pytest.fixture(scope="session")
def project():
    folder = os.environ.get("QUACKCTL_TEST_PROJECT")
    if folder is None:
        pytest.skip("QUACKCTL_TEST_PROJECT names no project that is up")
    return folder


@pytest.fixture(scope="session")
def db(project):
    with quackctl.connect(project) as connection:
        yield connection


@pytest.fixture
def results(db):
    """What lies among the results of the bucket."""
    service = db._service
    bucket, prefix = service.results()

    def listed():
        found = service._s3.list_objects_v2(Bucket=bucket, Prefix=prefix).get("Contents", [])
        return [entry["Key"] for entry in found]

    return listed
