"""The container files are true: they start what the program has, with settings it knows, and say no secret.

Whether an engine runs them is not tried here: there is none where these tests run.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway import __main__ as command_line
from gateway import app, loop
from gateway.settings import Settings, load
from gateway.web import site

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
DEPLOY = (ROOT / "docs" / "howto" / "deploy.md").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
SETTINGS_FILE = ROOT / "config" / "compose" / "gateway.toml"

_VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")
_SECONDS = {"s": 1, "m": 60}


def with_defaults(text: str) -> str:
    """Return the text as Compose reads it where no variable is set."""
    return _VARIABLE.sub(lambda found: found[2], text)


COMPOSE: dict[str, Any] = yaml.safe_load(with_defaults((ROOT / "compose.yaml").read_text(encoding="utf-8")))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
GATEWAYS = [name for name, service in SERVICES.items() if "build" in service]


def settings_of(service: str) -> Settings:
    return load(SETTINGS_FILE, {name: str(value) for name, value in SERVICES[service]["environment"].items()})


def seconds(text: str) -> int:
    return int(text[:-1]) * _SECONDS[text[-1]]


def instructions(name: str) -> Iterator[list[str]]:
    """Yield the words of each such instruction of the Dockerfile."""
    joined = re.sub(r"\\\n", " ", DOCKERFILE)
    for rest in re.findall(rf"^{name} (.*)$", joined, re.MULTILINE):
        yield shlex.split(rest)


def argument(name: str) -> str:
    return next(words[0].partition("=")[2] for words in instructions("ARG") if words[0].startswith(f"{name}="))


def options_of(service: str) -> list[str]:
    command: list[str] = SERVICES[service]["command"]
    return command


@pytest.mark.parametrize("name", GATEWAYS)
def test_the_environment_of_a_gateway_is_settings_it_knows(name: str) -> None:
    settings = settings_of(name)
    assert settings.storage.url.startswith("postgresql://")
    assert settings.redis.location()
    assert settings.storage.password_file == Path("/run/secrets/database-password")


def test_the_nodes_take_complaints_from_their_proxy_only() -> None:
    web = settings_of("node").web
    app.refuse_plain_http(web)
    assert not web.insecure
    subnet = ip_network(COMPOSE["networks"]["front"]["ipam"]["config"][0]["subnet"])
    assert web.trusted_proxies == (subnet,)
    assert [name for name, service in SERVICES.items() if "front" in service["networks"]] == ["node", "proxy"]


def test_nodes_know_how_many_they_are() -> None:
    nodes = SERVICES["node"]
    assert int(nodes["deploy"]["replicas"]) == settings_of("node").nodes == 2
    text = (ROOT / "compose.yaml").read_text(encoding="utf-8")
    assert text.count("${NODES:-2}") == 2  # one variable scales both


@pytest.mark.parametrize("name", GATEWAYS)
def test_a_gateway_runs_a_command_that_exists(name: str) -> None:
    command_line._parser().parse_args(options_of(name))


def test_the_image_runs_the_program_the_project_installs() -> None:
    [entrypoint] = instructions("ENTRYPOINT")
    assert [word.strip("[]") for word in entrypoint] == list(PROJECT["scripts"])
    [command] = instructions("CMD")
    command_line._parser().parse_args([word.strip("[]") for word in command])


def test_nodes_wait_for_the_schema_and_the_database() -> None:
    assert SERVICES["node"]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in GATEWAYS:
        assert SERVICES[name]["depends_on"]["postgres"] == {"condition": "service_healthy"}
    assert "healthcheck" in SERVICES["postgres"]


def test_only_the_one_who_makes_the_keys_may_write_them() -> None:
    folder = settings_of("node").storage.keys_file.parent
    assert f"keys:{folder}" in SERVICES["migrate"]["volumes"]
    assert f"keys:{folder}:ro" in SERVICES["node"]["volumes"]


def test_only_the_proxy_is_reached_from_outside_and_only_from_this_machine() -> None:
    assert {name: service["ports"] for name, service in SERVICES.items() if "ports" in service} == {
        "proxy": ["127.0.0.1:8443:8443"]
    }
    assert COMPOSE["networks"]["back"]["internal"] is True
    assert SERVICES["postgres"]["networks"] == SERVICES["valkey"]["networks"] == ["back"]


def test_no_secret_stands_in_the_file() -> None:
    texts = (ROOT / "compose.yaml").read_text(encoding="utf-8") + DOCKERFILE
    assert re.findall(r"//[^/\s:@]+:[^/\s@]+@", texts) == []  # user:password@ in a URL
    for service in SERVICES.values():
        secret = [name for name in service.get("environment", {}) if re.search("PASSWORD|SECRET|TOKEN|KEY", name)]
        assert all(service["environment"][name].startswith(("/run/secrets/", "/var/lib/huiyin/")) for name in secret)
    for secret in COMPOSE["secrets"].values():
        folder = f"{Path(secret['file']).parent.name}/"
        assert folder in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()


def test_a_node_is_given_longer_to_stop_than_it_takes() -> None:
    assert seconds(SERVICES["node"]["stop_grace_period"]) > app.GRACE_SECONDS + loop.GRACE_SECONDS
    assert list(instructions("STOPSIGNAL")) == [["SIGTERM"]]


def test_health_is_asked_at_addresses_the_gateway_has() -> None:
    asked = [*re.findall(r"'GET', '([^']+)'", DOCKERFILE), *re.findall(r"'GET', '([^']+)'", str(SERVICES["node"]))]
    served = {resource.canonical for resource in site.build_health(health=None, metrics=bytes).router.resources()}
    assert asked == ["/healthz", "/readyz"]
    assert set(asked) <= served
    port = settings_of("node").web.port
    assert f"HUIYIN_WEB__PORT={port}" in DOCKERFILE
    assert f"'127.0.0.1', {port}" in DOCKERFILE
    assert f"'127.0.0.1', {port}" in str(SERVICES["node"])
    assert f"dynamic a node {port} " in (ROOT / "config" / "compose" / "Caddyfile").read_text(encoding="utf-8")


def test_nobody_is_root_in_the_image_and_the_number_is_fixed() -> None:
    assert list(instructions("USER")) == [["10001:10001"]]
    assert "--uid 10001" in DOCKERFILE
    assert "--gid 10001" in DOCKERFILE


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_every_container_is_held_in(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["deploy"]["resources"]["limits"].keys() == {"cpus", "memory", "pids"}
    assert service["logging"]["options"].keys() == {"max-size", "max-file"}
    assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")


@pytest.mark.parametrize("image", [argument("PYTHON"), *(service["image"] for service in SERVICES.values())])
def test_every_image_is_named_by_its_version(image: str) -> None:
    assert re.search(r":\d+\.\d+(\.\d+)?(-[\w.]+)*$", image)


def test_versions_agree_with_the_project() -> None:
    needed = re.fullmatch(r">=3\.(\d+)", PROJECT["requires-python"])
    found = re.search(r"/python:3\.(\d+)\.\d+-slim-", argument("PYTHON"))
    assert needed
    assert found
    assert int(found[1]) >= int(needed[1])
    assert f'image.version="{PROJECT["version"]}"' in DOCKERFILE
    assert {SERVICES[name]["image"] for name in GATEWAYS} == {f"huiyin:{PROJECT['version']}"}


def test_what_is_copied_into_the_image_exists_and_is_let_in() -> None:
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = [line[1:] for line in ignored if line.startswith("!")]
    assert "*" in ignored
    copied = [word for words in instructions("COPY") if not words[0].startswith("--from") for word in words[:-1]]
    assert sorted(copied) == sorted(allowed)
    assert [name for name in copied if not (ROOT / name).exists()] == []
    private = (".venv", ".git", "secrets", "huiyin.db", "huiyin.keys", "gateway.toml", ".env")
    assert [name for name in private if any(fnmatch(name, pattern) for pattern in allowed)] == []


def test_what_is_mounted_from_here_exists() -> None:
    mounted = [SERVICES["node"]["volumes"][0]["source"]]
    volumes = [volume for service in SERVICES.values() for volume in service.get("volumes", ())]
    mounted += [volume.partition(":")[0] for volume in volumes if isinstance(volume, str)]
    assert [name for name in mounted if name.startswith("./") and not (ROOT / name).is_file()] == []
    assert {name for name in mounted if not name.startswith("./")} == set(COMPOSE["volumes"])


def test_the_proxy_lets_through_what_the_site_serves_and_nothing_else() -> None:
    caddyfile = (ROOT / "config" / "compose" / "Caddyfile").read_text(encoding="utf-8")
    found = re.search(r"@public path (.+)", caddyfile)
    assert found
    assert set(found[1].split()) == {"/", "/complaint", "/received/*", "/static/*", "/api/*", "/hooks/*"}
    variables = set(re.findall(r"\{\$(\w+)", caddyfile))
    assert variables == set(SERVICES["proxy"]["environment"])


def test_the_way_to_deploy_runs_commands_that_exist() -> None:
    """A container's arguments are the program's: `docker compose run --rm migrate ...`, `exec node huiyin ...`."""
    runs = re.findall(r"docker compose run --rm (?:--volume \S+ )?migrate (.+)", DEPLOY)
    execs = re.findall(r"docker compose exec node huiyin (.+)", DEPLOY)
    assert runs
    assert execs
    for line in runs + execs:
        command_line._parser().parse_args(shlex.split(line, comments=True))


def test_every_variable_is_explained() -> None:
    variables = {name for name, _ in _VARIABLE.findall((ROOT / "compose.yaml").read_text(encoding="utf-8"))}
    assert sorted(name for name in variables if f"| `{name}` |" not in DEPLOY) == []
