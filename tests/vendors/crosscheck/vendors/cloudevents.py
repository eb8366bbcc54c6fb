"""CloudEvents: a bearer token or the query parameter `access_token`; the packages build the three modes."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs

from ..catalogue import Vendor
from ..request import Request
from .credentials import Bearer, Independent, Message, declare


def secrets(draw):
    return {
        "default": {"token": draw.secret(40)},
        "rotating": {"token": draw.secret(40), "token_previous": draw.secret(40)},
    }


class Tokens(Independent):
    """The token may be in the query, unless there is an `Authorization`: two ways at once are an error (RFC 6750, 2)."""

    def verify(self, request, origin, secrets, now):
        if request.method == "OPTIONS":
            return True
        if request.joined("Authorization"):
            return super().verify(request, origin, secrets, now)
        given = parse_qs(request.query or "").get("access_token", [])
        return any(f"Bearer {token}" in Bearer().values(secrets) for token in given)


class Python(Tokens):
    def __init__(self, environment):
        super().__init__(f"cloudevents {environment.python_version('cloudevents')} (Python builders)", [Bearer()])

    def build(self, events, mode):
        from cloudevents.core.bindings.http import to_binary, to_structured
        from cloudevents.core.formats.json import JSONFormat
        from cloudevents.core.v1.event import CloudEvent

        built = []
        for event in events:
            attributes = {name: value for name, value in event.items() if name != "data"}
            attributes["time"] = datetime.fromisoformat(attributes["time"])
            built.append(CloudEvent(attributes=attributes, data=event["data"]))
        if mode == "batch":
            bodies = [JSONFormat().write(event).decode() for event in built]
            return {"content-type": "application/cloudevents-batch+json"}, f"[{','.join(bodies)}]".encode()
        message = (to_binary if mode == "binary" else to_structured)(built[0], JSONFormat())
        return message.headers, message.body


class Node(Tokens):
    def __init__(self, environment):
        self.node = environment.node()
        name = f"cloudevents {environment.node_version('cloudevents')} (Node builders)"
        super().__init__(name, [Bearer()], "node")

    def build(self, events, mode):
        message = self.node.call("cloudevents.build", events=events, mode=mode)
        return message["headers"], message["body"].encode()

    def close(self):
        self.node.close()


def event(draw):
    return {
        "specversion": "1.0",
        "id": draw.few("evt-", 500),
        "source": draw.choice(["/pbx/1", "https://pbx.example.com/%C3%A9?a=b", "urn:pbx:2"]),
        "type": draw.choice(["com.example.call.ended", "com.example.call.ringing", "com.example.unheard.of"]),
        "time": datetime(2026, 2, 12, 12, 0, draw.randrange(60), tzinfo=UTC).isoformat(),
        "subject": draw.few("c-"),
        "sequence": f"{draw.randrange(10**8):08}",
        "datacontenttype": "application/json",
        "data": {
            "call_id": draw.few("c-"),
            "from": draw.phone(),
            "to": draw.phone(),
            "outcome": "no_answer",
            "x": draw.text(),
        },
    }


def body(context):
    draw = context.draw
    mode = draw.weighted({"structured": 3, "binary": 3, "batch": 1})
    events = [event(draw) for _ in range(draw.randrange(1, 5) if mode == "batch" else 1)]
    headers, octets = context.package.build(events, mode)
    return list(headers.items()), octets


vendor = Vendor("cloudevents", "cloudevents", secrets, lambda environment: [Python(environment), Node(environment)])
start = declare(vendor, {"bearer": Bearer()}, {"default": "bearer", "rotating": "bearer"}, body)


class InQuery(Message):
    """The token in the query."""

    def sign(self, context) -> Request:
        target = f"{self.target}?access_token={context.draw.spelled(self.value.removeprefix('Bearer '))}"
        return Request("POST", target, self.headers, self.body)


@vendor.variant("token in the query", 2, alone=True)
def in_query(context):
    message = start(context)
    return InQuery(message.slug, message.target, "", message.value, message.body, message.headers)


@vendor.variant("handshake", 0.5, alone=True)
def handshake(context):
    headers = [("WebHook-Request-Origin", "eventemitter.example.com")]
    if context.draw.chance(0.5):
        headers.append(("WebHook-Request-Rate", str(context.draw.randrange(1, 500))))
    return Handshake("default", "/hooks/cloudevents", "", "", b"", tuple(headers), "OPTIONS")


class Handshake(Message):
    """Without a credential: it asks whether the sender may send."""

    def sign(self, context) -> Request:
        return Request(self.method, self.target, self.headers, self.body)


QUERY = ("token in the query",)


@vendor.tamper("query: token changed", 2, variants=QUERY)
def query_changed(context, message):
    return replace(message, value=message.value[:-1] + context.draw.choice("-_.~")).sign(context)


@vendor.tamper("query: token empty", 0.5, variants=QUERY)
def query_empty(context, message):
    return replace(message, value="").sign(context)


@vendor.tamper("query: under another name", 1, variants=QUERY)
def query_renamed(context, message):
    request = message.sign(context)
    name = context.draw.choice(["token", "Access_Token", "accesstoken", "access-token"])
    return request.with_target(request.target.replace("access_token", name))


@vendor.tamper("query: right, but wrong in the header", 1, variants=QUERY)
def query_and_header(context, message):
    return message.sign(context).with_header("Authorization", f"Bearer {context.draw.secret(40)}")


@vendor.tamper("token in the body", 0.5, variants=("delivery",))
def in_body(context, message):
    token = message.value.removeprefix("Bearer ")
    request = message.sign(context).without("Authorization")
    return request.with_body(json.dumps({"access_token": token}).encode())
