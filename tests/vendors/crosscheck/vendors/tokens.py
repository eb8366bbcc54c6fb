"""Providers without any package for their webhooks: FreeSWITCH, RingCentral, Amazon Connect, 3CX."""

import base64
from dataclasses import replace
from urllib.parse import quote

from ..catalogue import ACCEPT, Vendor
from .credentials import Basic, Bearer, Independent, Message, Token, declare

JSON = ("Content-Type", "application/json")


def passwords(draw):
    return {
        "default": {"username": draw.word(), "password": draw.secret(24)},
        "rotating": {"username": draw.word(), "password": draw.secret(24), "password_previous": draw.secret(24)},
    }


def tokens(name):
    def draws(draw):
        return {
            "default": {name: draw.secret(40)},
            "rotating": {name: draw.secret(40), f"{name}_previous": draw.secret(40)},
        }

    return draws


def own(schemes):
    return lambda environment: [Independent("(no package; own reading)", schemes)]


# FreeSWITCH: mod_json_cdr, one report a leg in one of three encodings.


def report(draw):
    uuid = draw.few("5a3a1d91-0000-4db4-af5c-00000000")
    value = (lambda text: quote(text, safe="")) if draw.chance(0.5) else (lambda text: text)
    profile = {"caller_id_name": draw.text(), "caller_id_number": "1001", "destination_number": "1002", "uuid": uuid}
    variables = {
        "uuid": uuid,
        "direction": draw.choice(["inbound", "outbound"]),
        "start_uepoch": "1521025758006702",
        "answer_uepoch": draw.choice(["0", "1521025767766321"]),
        "end_uepoch": "1521025788366141",
        "hangup_cause": draw.choice(["NORMAL_CLEARING", "NO_ANSWER", "USER_BUSY"]),
        "sip_from_uri": value("1001@192.168.56.202"),
        draw.word(): value(draw.text()),
    }
    return {
        "core-uuid": "63e2315b-d538-4dfa-9ed5-af73ba6210b6",
        "switchname": "pbx1",
        "channel_data": {"state": "CS_REPORTING", "direction": variables["direction"]},
        "variables": variables,
        "app_log": {"applications": []},
        "callflow": [{"profile_index": "1", "caller_profile": profile, "times": {"created_time": "1521025758006702"}}],
    }


def freeswitch_body(context):
    text = context.draw.json(report(context.draw)).encode()
    match context.draw.randrange(3):
        case 0:
            return [JSON], text
        case 1:
            return [("Content-Type", "application/x-www-form-urlencoded")], b"cdr=" + quote(text, safe="").encode()
        case _:
            return [("Content-Type", "application/x-www-form-base64-encoded")], b"cdr=" + base64.b64encode(text)


freeswitch = Vendor("freeswitch", "freeswitch", passwords, own([Basic()]))
declare(freeswitch, {"basic": Basic()}, {"default": "basic", "rotating": "basic"}, freeswitch_body)


# RingCentral: a token under one of two names; a handshake without one.


def session(context):
    draw = context.draw
    party = {
        "id": draw.few("p-"),
        "direction": "Inbound",
        "from": {"phoneNumber": draw.phone(), "name": draw.text()},
        "to": {"phoneNumber": draw.phone()},
        "status": {"code": draw.choice(["Setup", "Proceeding", "Answered", "Disconnected"])},
    }
    event = {
        "uuid": draw.few("8372708608691819", 900),
        "event": "/restapi/v1.0/account/1/extension/2/telephony/sessions",
        "timestamp": "2018-06-05T00:14:50.184Z",
        "subscriptionId": "5c37f936-fa66-4b4b-95af-1e94b51a748d",
        "ownerId": "2",
        "body": {"sequence": draw.randrange(20), "telephonySessionId": draw.few("s-"), "parties": [party]},
    }
    return [JSON, ("User-Agent", "RingCentral-Webhook/8.3")], draw.json(event).encode()


class RingCentral(Independent):
    def verify(self, request, origin, secrets, now):
        handshake = request.method == "POST" and not request.body and request.joined("Validation-Token")
        return bool(handshake) or super().verify(request, origin, secrets, now)


VERIFICATION = Token("Verification-Token", "verification_token")
VALIDATION = Token("Validation-Token", "verification_token")
ringcentral = Vendor(
    "ringcentral",
    "ringcentral",
    tokens("verification_token"),
    lambda environment: [RingCentral("(no package; own reading)", [VERIFICATION, VALIDATION])],
)
start = declare(ringcentral, {"token": VERIFICATION}, {"default": "token", "rotating": "token"}, session)


@ringcentral.variant("older name of the header", 2)
def older(context):
    return replace(start(context), header="Validation-Token")


@ringcentral.variant("handshake", 0.5, alone=True)
def handshake(context):
    return Message("default", "/hooks/ringcentral", "Validation-Token", context.draw.uuid(), b"", (JSON,))


@ringcentral.tamper("handshake with a body", 1, variants=("handshake",))
def handshake_body(context, message):
    return replace(message, body=session(context)[1]).sign(context)


@ringcentral.tamper("handshake with a space as a body", 0.5, variants=("handshake",))
def handshake_space(context, message):
    return replace(message, body=b" ").sign(context)


@ringcentral.tamper("forged under the other name", 0.5, ACCEPT, variants=("delivery",))
def both_names(context, message):
    return message.sign(context).with_header("Validation-Token", context.draw.secret(40))


# Amazon Connect: EventBridge sends what its connection was given, a key in a header or HTTP Basic.


def connect_secrets(draw):
    return {
        "default": {"api_key": draw.secret(40)},
        "rotating": {"api_key": draw.secret(40), "api_key_previous": draw.secret(40)},
        "basic": {"username": draw.word(), "password": draw.secret(24)},
    }


def contact(context):
    draw = context.draw
    detail = {
        "eventType": draw.choice(["INITIATED", "QUEUED", "CONNECTED_TO_AGENT", "DISCONNECTED", "CONTACT_DATA_UPDATED"]),
        "contactId": draw.few("11111111-1111-1111-1111-11111111"),
        "channel": draw.choice(["VOICE", "Voice"]),
        "initiationMethod": "INBOUND",
        "instanceArn": "arn:aws:connect:us-west-2:111122223333:instance/12345678-1234-1234-1234-123456789012",
        draw.word(): draw.text(),
    }
    envelope = {
        "version": "0",
        "id": draw.few("b6aac8cb-b204-5a30-a578-e903ad1a", 900),
        "detail-type": "Amazon Connect Contact Event",
        "source": "aws.connect",
        "account": "111122223333",
        "time": "2021-08-04T17:17:54Z",
        "region": "us-west-2",
        "resources": [],
        "detail": detail,
    }
    return [("Content-Type", "application/json; charset=utf-8")], draw.json(envelope).encode()


KEY = Token("x-api-key", "api_key")
connect = Vendor("amazon-connect", "amazon-connect", connect_secrets, own([KEY, Basic()]))
declare(connect, {"key": KEY, "basic": Basic()}, {"default": "key", "rotating": "key", "basic": "basic"}, contact)


# 3CX: a bearer token that is written into the template.


def finished(context):
    draw = context.draw
    call = {
        "callType": draw.choice(["Inbound", "Outbound", "Missed", "Notanswered"]),
        "number": draw.phone()[1:],
        "name": draw.text(),
        "agent": "101",
        "agentEmail": "agent@example.com",
        "duration": "00:01:05",
        "callDirection": "Inbound",
        "startUtc": f"2026-02-12T12:{draw.randrange(60):02}:00Z",
        "endUtc": "2026-02-12T13:01:11Z",
        "recordingUrl": draw.choice(["", "[RecordingUrl]"]),
    }
    return [JSON], draw.json(call).encode()


three_cx = Vendor("3cx", "3cx", tokens("token"), own([Bearer()]))
declare(three_cx, {"bearer": Bearer()}, {"default": "bearer", "rotating": "bearer"}, finished)


vendors = [ringcentral, connect, freeswitch, three_cx]
