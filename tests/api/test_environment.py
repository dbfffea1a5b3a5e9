"""Environment values, secrets, and where definitions get them from."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from podium.runtime.cipher import Cipher
from podium.store import Store
from podium.store.memory import MemoryStore
from podium.store.sqlite import SqliteStore

from .conftest import Api, Json, simple


@pytest.fixture
def vault() -> Iterator[Api]:
    """A server that may store secrets."""
    server = Api(MemoryStore(), cipher=Cipher("a key"))
    yield server
    server.close()


def put(api: Api, path: str, text: str) -> int:
    return api.call("PUT", path, content=text, headers={"content-type": "application/json"}).status_code


def polled(api: Api, value: str) -> Json:
    api.define(simple("a", inputParameters={"v": value}))
    workflow_id = api.start()
    task = api.finish()
    return task["inputData"]["v"], api.workflow(workflow_id)["tasks"][0]["inputData"]["v"]


# ---- environment


def test_environment_of_the_process_and_stored(api: Api) -> None:
    assert api.get("/environment") == [{"name": "REGION", "value": "eu"}]

    assert put(api, "/environment/TEAM", "blue") == 200

    assert api.get("/environment") == [{"name": "REGION", "value": "eu"}, {"name": "TEAM", "value": "blue"}]
    assert api.call("GET", "/environment/TEAM").text == "blue"
    assert api.call("GET", "/environment/none").content == b""
    assert polled(api, "${workflow.env.TEAM} ${workflow.env.REGION}") == ("blue eu", "blue eu")


def test_stored_value_wins_until_it_is_deleted(api: Api) -> None:
    put(api, "/environment/REGION", "us")
    assert api.call("GET", "/environment/REGION").text == "us"

    answer = api.call("DELETE", "/environment/REGION")
    assert (answer.status_code, answer.text) == (200, "us")

    assert api.call("GET", "/environment/REGION").text == "eu"
    assert api.call("DELETE", "/environment/none").content == b""


def test_values_live_as_long_as_the_store(tmp_path: Path) -> None:
    before = Api(SqliteStore(tmp_path / "a.db"), cipher=Cipher("k"))
    put(before, "/environment/TEAM", "blue")
    put(before, "/secrets/TOKEN", "hidden-text")
    before.close()

    after = Api(SqliteStore(tmp_path / "a.db"), cipher=Cipher("new, k"))

    assert after.call("GET", "/environment/TEAM").text == "blue"
    assert after.call("GET", "/secrets/TOKEN").text == "hidden-text"
    after.close()
    assert all(b"hidden-text" not in file.read_bytes() for file in tmp_path.iterdir())


@pytest.mark.parametrize(("name", "status"), [("a b", 400), ("x" * 256, 400), ("a%2Fb", 400), ("fine-1.2@x", 200)])
def test_names(api: Api, name: str, status: int) -> None:
    assert put(api, f"/environment/{name}", "v") == status


# ---- secrets


def test_secrets_of_the_process_are_read_only(api: Api) -> None:
    assert api.get("/secrets") == ["PASSWORD"]
    assert api.call("GET", "/secrets/PASSWORD").text == "s3cret"

    answer = api.call("PUT", "/secrets/TOKEN", content="t")

    assert answer.status_code == 501
    assert answer.json()["message"].startswith("env-backed secrets are read-only")


def test_secret(vault: Api) -> None:
    assert put(vault, "/secrets/TOKEN", "0123456789") == 200

    assert vault.call("POST", "/secrets").json() == ["PASSWORD", "TOKEN"]
    assert vault.get("/secrets/v2")[1] == {"name": "TOKEN", "partialValue": "0...9"}
    assert vault.get("/secrets-v2") == ["PASSWORD", "TOKEN"]
    assert vault.get("/secrets/TOKEN/exists") is True
    assert vault.get("/secrets/none/exists") is False
    assert polled(vault, "Bearer ${workflow.secrets.TOKEN}") == (
        "Bearer 0123456789",
        "Bearer ${workflow.secrets.TOKEN}",
    )


@pytest.mark.parametrize(
    ("secret", "shown"),
    [("short", "..."), ("0123456", "..."), ("ab" * 8, "ab...ab"), ("0123456789" * 9, "0123...6789")],
)
def test_the_list_shows_at_most_a_quarter_of_a_secret(vault: Api, secret: str, shown: str) -> None:
    put(vault, "/secrets/TOKEN", secret)

    assert vault.get("/secrets/v2")[1]["partialValue"] == shown


def test_deleted_secret(vault: Api) -> None:
    put(vault, "/secrets/TOKEN", "short")
    assert vault.get("/secrets/v2")[1]["partialValue"] == "..."

    assert vault.call("DELETE", "/secrets/TOKEN").status_code == 200

    assert vault.call("GET", "/secrets/TOKEN").status_code == 404
    assert vault.call("DELETE", "/secrets/TOKEN").status_code == 200
    assert vault.call("DELETE", "/secrets/PASSWORD").status_code == 501


def test_secret_whose_key_is_lost() -> None:
    store: Store = MemoryStore()
    before = Api(store, cipher=Cipher("one"))
    put(before, "/secrets/TOKEN", "hidden-text")
    before.close()

    after = Api(store, cipher=Cipher("another"))

    assert after.call("GET", "/secrets/TOKEN").status_code == 404
    after.close()
