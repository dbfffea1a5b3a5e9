"""Settings: where values come from, what is refused and how, and that the reference page is true."""

from pathlib import Path

import pytest

from podium.settings import TABLE, BadSetting, Settings, check, load, nearest, reference, unknown_variables

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"


def test_without_anything_the_server_listens_on_this_machine_only() -> None:
    settings = load({})

    assert (settings.host, settings.port, settings.database) == ("127.0.0.1", 8080, "sqlite:///podium.db")
    assert settings == Settings()


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "podium.toml"
    file.write_text('port = 1001\ncache_mb = 11\nhost = "localhost"')

    settings = load({"PODIUM_PORT": "1002", "PODIUM_CACHE_MB": "12"}, {"port": "1003"}, file)

    assert (settings.port, settings.cache_mb, settings.host) == (1003, 12, "localhost")


def test_the_environment_can_name_the_file(tmp_path: Path) -> None:
    file = tmp_path / "podium.toml"
    file.write_text("port = 1001")

    assert load({"PODIUM_CONFIG": str(file)}).port == 1001


def test_an_unknown_key_of_the_file_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    file = tmp_path / "podium.toml"
    file.write_text('databse = "sqlite:///x.db"')

    with pytest.raises(BadSetting, match=r"no setting databse; did you mean database\?"):
        load({}, config=file)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('port = "many"', "port: expected whole number from 0 to 65535, not 'many'"),
        ("port = 70000", "port: expected whole number"),
        ("port = true", "port: expected whole number"),
        ("[port]\nx = 1", "port: expected whole number"),
        ('log_level = "loud"', "log_level: expected debug, info, warning or error"),
        ('insecure = "perhaps"', "insecure: expected true or false"),
        ("host = 5", "host: expected text"),
        ("port = ", "is not TOML"),
    ],
)
def test_a_bad_file_is_refused_and_the_place_is_named(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "podium.toml"
    file.write_text(text)

    with pytest.raises(BadSetting, match=message) as failure:
        load({}, config=file)
    assert str(file) in str(failure.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSetting, match="can't be read: No such file"):
        load({}, config=tmp_path / "none.toml")


def test_a_bad_variable_is_refused_by_its_name() -> None:
    with pytest.raises(BadSetting, match="environment variable PODIUM_CACHE_MB: expected"):
        load({"PODIUM_CACHE_MB": "-1"})


@pytest.mark.parametrize(
    ("given", "kb"), [("5", 5), ("5kb", 5), ("5MB", 5 * 1024), ("1 GB", 1024 * 1024), ("1_000", 1000)]
)
def test_sizes_may_have_a_unit(given: str, kb: int) -> None:
    assert load({"PODIUM_TASK_PAYLOAD_KB_MAX": given}).task_payload_kb_max == kb


def test_a_unit_that_does_not_fit_is_refused() -> None:
    with pytest.raises(BadSetting, match="PODIUM_CACHE_MB"):
        load({"PODIUM_CACHE_MB": "10s"})


def test_conductor_names_are_understood_with_their_own_units() -> None:
    settings = load(
        {
            "SERVER_PORT": "9000",
            "CONDUCTOR_SCRIPT_MAX_EXECUTION_SECONDS": "7",
            "CONDUCTOR_APP_MAXTASKOUTPUTPAYLOADSIZETHRESHOLD": "2048",
        }
    )

    assert (settings.port, settings.script_time_ms, settings.task_payload_kb_max) == (9000, 7000, 2048)


def test_the_larger_of_two_conductor_names_counts_and_our_own_name_wins() -> None:
    aliases = {
        "CONDUCTOR_APP_MAXTASKINPUTPAYLOADSIZETHRESHOLD": "1024",
        "CONDUCTOR_APP_MAXTASKOUTPUTPAYLOADSIZETHRESHOLD": "5MB",
    }

    assert load(aliases).task_payload_kb_max == 5120
    assert load(aliases | {"PODIUM_TASK_PAYLOAD_KB_MAX": "3"}).task_payload_kb_max == 3


def test_variables_that_kubernetes_makes_for_a_service_named_podium_do_no_harm() -> None:
    environment = {"PODIUM_PORT": "tcp://10.0.0.1:8080", "PODIUM_PORT_8080_TCP": "x", "PODIUM_SERVICE_HOST": "10.0.0.1"}

    assert load(environment).port == 8080
    assert list(unknown_variables(environment)) == []


def test_variables_without_effect_are_told() -> None:
    environment = {"PODIUM_PROT": "1", "CONDUCTOR_APP_STACK": "x", "CONDUCTOR_SECRET_DB": "x", "PODIUM_SERVER": "x"}

    assert list(unknown_variables(environment)) == [
        "environment variable CONDUCTOR_APP_STACK has no effect here",
        "environment variable PODIUM_PROT is no setting and has no effect; did you mean PODIUM_PORT?",
    ]


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.com"])
def test_an_address_that_others_reach_is_refused_until_the_user_insists(host: str) -> None:
    with pytest.raises(BadSetting, match=r"no authentication yet.*--insecure"):
        load({"PODIUM_HOST": host})

    assert load({"PODIUM_HOST": host, "PODIUM_INSECURE": "true"}).host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_addresses_of_this_machine_are_fine(host: str) -> None:
    check(Settings(host=host))


def test_nothing_is_near_to_nonsense() -> None:
    assert nearest("qqqqqq") is None


def test_the_reference_page_is_made_from_the_table() -> None:
    """Renew it with: podium settings --markdown > docs/reference/settings.md"""
    assert PAGE.read_text() == reference()


def test_every_setting_has_bounds_a_meaning_and_a_default_within_them() -> None:
    for setting in TABLE.values():
        assert setting.meaning.endswith(".")
        if setting.type is int:
            assert setting.low is not None
            assert setting.high is not None
            assert setting.low <= setting.default <= setting.high
