"""The OpenAPI description says what calls really take, so that generated clients and checkers can rely on it."""

import json

import pytest
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from reprotech.api.etags import ETAG_PATTERN
from reprotech.testing.client import Caller


@pytest.fixture(scope="module")
def schema():
    return SchemaGenerator().get_schema(request=None, public=True)


def bodies(schema):
    """Of each call: its method and path, and its body's schema by media type."""
    for path, methods in schema["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                yield f"{method} {path}", {kind: described["schema"] for kind, described in content.items()}


def resolved(schema, found):
    return schema["components"]["schemas"][found["$ref"].rpartition("/")[2]] if "$ref" in found else found


def test_bodies_say_that_unknown_keys_are_refused(schema):
    found = {
        call: resolved(schema, kinds["application/json"])
        for call, kinds in bodies(schema)
        if len(kinds) < 3 and "application/json" in kinds
    }
    assert len(found) >= 14
    assert [call for call, body in found.items() if body.get("additionalProperties") is not False] == []


def test_no_fields_come_in_two_media_types(schema):
    """For those openapi-python-client, as of 0.29, writes modules that can't be imported. Files it passes over."""
    assert {call for call, kinds in bodies(schema) if len(kinds) > 1} == {"post /api/users/import"}


def test_addresses_networks_and_tags_have_their_format(schema):
    named = schema["components"]["schemas"]
    formats = {"ipv4", "ipv6"}
    for owner, name in (
        ("IntrospectBodyRequest", "ip_address"),
        ("SessionAnswer", "ip_address"),
        ("ApiKeyAnswer", "last_used_from"),
    ):
        assert {way["format"] for way in named[owner]["properties"][name]["anyOf"]} == formats, owner
    for owner in ("CreateKeyBodyRequest", "ApiKeyAnswer"):
        assert {way["format"] for way in named[owner]["properties"]["addresses"]["items"]["anyOf"]} == {
            *formats,
            "cidr",
        }, owner
    of_list = {given["name"]: given["schema"] for given in schema["paths"]["/api/audit"]["get"]["parameters"]}
    assert of_list["ip_address"]["type"] == "string"  # a beginning or a network too
    of_change = {
        given["name"]: given["schema"] for given in schema["paths"]["/api/users/{user_id}"]["put"]["parameters"]
    }
    assert of_change["If-Match"]["pattern"] == ETAG_PATTERN


def test_a_file_to_import_is_required(schema):
    assert schema["paths"]["/api/users/import"]["post"]["requestBody"]["required"] is True


@pytest.mark.parametrize(
    ("tag", "status"),
    [("*", 200), ('"x"', 412), ('W/"x"', 412), ('"x", W/"y"', 412), ("x", 400), ('"x', 400), ("", 400)],
)
def test_the_pattern_of_if_match_is_what_is_taken(cast, tag, status):
    answer = Caller(cast.super_admin).patch(f"/api/users/{cast.viewer.pk}", {}, HTTP_IF_MATCH=tag)
    assert answer.status_code == status
    assert Draft202012Validator({"pattern": ETAG_PATTERN}).is_valid(tag) is (status != 400)


def test_a_key_that_the_schema_refuses_is_refused(schema, viewer):
    body = {"name": "LIMS", "scopes": [], "no_such": 1}
    validator = Draft202012Validator(
        {**json.loads(json.dumps(schema["components"]["schemas"]["CreateKeyBodyRequest"]))}
    )
    assert not validator.is_valid(body)
    assert viewer.post("/api/auth/keys", body).status_code == 400
