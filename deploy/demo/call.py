#!/usr/bin/python3
"""The demonstration call: a communication for alice comes in, and reaches her.

    call.py [--keep-call FILE]      the account is taken from the environment (run/demo.env)

Alice is connected on two devices, bob on one.  A gateway hands in a communication
from outside; the customer's application answers with <Dial><Client>alice</Client>;
both of alice's devices ring, her mobile answers, her desk phone hears that it was
answered elsewhere, the two are connected, and she hangs up.  Then the timeline: what
the system did (its own trace), what the clients saw, what the customer was told.

Each promise is checked on the way; the exit code is 1 as soon as one is broken.
"""
import asyncio
import base64
import datetime
import json
import os
import sys
import time
import urllib.error
import urllib.request

os.environ["no_proxy"] = "*"        # everything here is on this machine
import websockets  # noqa: E402
from mint import access_token  # noqa: E402

BASE = os.environ["SWITCHHOOK_URL"]
ACCOUNT = os.environ["ACCOUNT_SID"]
API_KEY = os.environ["API_KEY_SID"] + ":" + os.environ["API_KEY_SECRET"]
APPLICATION = os.environ.get("APPLICATION_URL")
FROM, TO = "+15550123", os.environ["PHONE_NUMBER"]
WAIT_S = 10


def sdp(name):
    """A session description; to Switchhook it is text that has to arrive unchanged."""
    lines = ["v=0", "o=- 1 1 IN IP4 127.0.0.1", f"s={name}", "t=0 0", "m=audio 9 UDP/TLS/RTP/SAVPF 111",
             "c=IN IP4 127.0.0.1", "a=rtpmap:111 opus/48000/2", "a=candidate:1 1 udp 1 127.0.0.1 9 typ host"]
    return "\r\n".join(lines) + "\r\n"


OFFER, ANSWER = sdp("the caller's offer"), sdp("alice's answer")


class Broken(Exception):
    """A promise was not kept."""


def check(kept, promise, seen=None):
    if not kept:
        raise Broken(f"{promise}; seen: {seen}")


# ---- the timeline

timeline = []


def note(who, what, detail="", at=None):
    timeline.append((at or time.time(), who, what, detail))


def print_timeline():
    rows = sorted(timeline, key=lambda row: row[0])
    for at, who, what, detail in rows:
        print(f"  {datetime.datetime.fromtimestamp(at):%H:%M:%S.%f}"[:-3] + f"  {1000 * (at - rows[0][0]):7.0f} ms  {who:<13} {what:<11} {detail}")


# ---- REST

def request(method, url, body=None, credentials=API_KEY):
    headers = {"Authorization": "Basic " + base64.b64encode(credentials.encode()).decode()} if credentials else {}
    data = None
    if body is not None:
        headers["Content-Type"] = "application/json"
        data = json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers, method=method), timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Broken(f"{method} {url}: {error.code} {error.read().decode()}") from error


async def rest(method, path, body=None):
    return await asyncio.to_thread(request, method, BASE + path, body)


async def presence(identity):
    return await rest("GET", f"/v1/Accounts/{ACCOUNT}/Presence/{identity}?Devices=true")


async def eventually(read, is_so, promise):
    """Reads until it is so, for WAIT_S at most."""
    until = time.monotonic() + WAIT_S
    while True:
        seen = await read()
        if is_so(seen):
            return seen
        check(time.monotonic() < until, promise, seen)
        await asyncio.sleep(0.05)


# ---- clients

class Client:
    """One device on the client channel."""

    def __init__(self, identity, app):
        self.identity, self.app, self.name = identity, app, f"{identity}/{app}"
        self.arrived = asyncio.Queue()
        self.heard, self.unread = [], []

    async def connect(self):
        url = BASE.replace("http", "ws", 1) + "/v1/connect"
        self.socket = await websockets.connect(url, subprotocols=["switchhook.v1"])
        self.reader = asyncio.create_task(self.read())
        await self.send({"type": "hello", "id": 1, "token": access_token(self.identity), "app": self.app, "host": os.uname().nodename})
        self.welcome = await self.next("welcome")
        check(self.welcome["registered"] is True, f"{self.name} is registered", self.welcome)

    async def read(self):
        try:
            async for text in self.socket:
                await self.arrived.put(json.loads(text))
        finally:
            await self.arrived.put({"type": "closed"})

    async def send(self, message):
        await self.socket.send(json.dumps(message))

    async def next(self, kind):
        """The first message of that type that was not taken yet."""
        while True:
            for message in self.unread:
                if message["type"] == kind:
                    self.unread.remove(message)
                    return message
                check(message["type"] not in ("error", "closed"), f"{self.name} hears '{kind}'", message)
            try:
                message = await asyncio.wait_for(self.arrived.get(), WAIT_S)
            except asyncio.TimeoutError:
                raise Broken(f"{self.name} hears '{kind}'; seen: {self.unread or 'nothing'} within {WAIT_S} s") from None
            self.heard.append(message)
            self.unread.append(message)

    async def rings(self):
        message = await self.next("incoming")
        note(self.name, "hears", f"incoming {message['call']} from {message['from']}")
        check(message["from"] == FROM and message.get("sdp") == OFFER, "the caller's offer arrives unchanged", message)
        await self.send({"type": "ringing", "call": message["call"]})
        return message

    async def close(self):
        self.reader.cancel()
        await self.socket.close()


def describe(document):
    ringable = "can be rung by " + ", ".join(document["ringable"]) if document["ringable"] else "cannot be rung"
    return f"{document['identity']} is {document['status']}, {ringable} ({document['device_count']} device{'s' * (document['device_count'] != 1)})"


# ---- the call

async def play(desk, mobile, bob):
    for client in (desk, mobile, bob):
        await client.connect()
        print(f"  {client.name:<13} {client.welcome['device']}  on {client.welcome['host']}")
    for identity, devices in (("alice", 2), ("bob", 1)):
        document = await presence(identity)
        print("  " + describe(document))
        check(document["status"] == "available" and document["device_count"] == devices and document["ringable"] == ["voice"],
              f"{identity} is available on {devices} devices", document)

    note("gateway", "hands in", f"a communication from {FROM} to {TO}")
    communication = asyncio.create_task(rest("POST", f"/v1/Accounts/{ACCOUNT}/Communications", {
        "from": FROM, "to": TO, "media": "voice", "sdp": OFFER, "parameters": {"client": "alice"}}))
    try:
        rung = await asyncio.gather(desk.rings(), mobile.rings())
    except Broken as broken:
        if communication.done():
            raise Broken(f"{broken}; the gateway was told: {communication.exception() or communication.result()}") from None
        raise

    await asyncio.sleep(0.3)        # a person takes a moment, if not usually so short a one
    note(mobile.name, "answers")
    await mobile.send({"type": "answer", "id": 2, "token": rung[1]["token"], "sdp": ANSWER})
    await mobile.next("ok")
    await mobile.next("answered")
    note(mobile.name, "hears", "answered: it has the call")
    cancel = await desk.next("cancel")
    note(desk.name, "hears", f"cancel: {cancel['reason']}")
    check(cancel["reason"] == "answered_elsewhere", "the desk phone hears answered_elsewhere", cancel)

    result = await communication
    call = result["call"]
    note("gateway", "hears", f"{result['status']}, answered by {result.get('answered_by')}")
    check(result["status"] == "in-progress" and result["outcome"] == "answered" and result["answered_by"] == "alice",
          "the gateway hears that alice answered", result)
    check(result.get("sdp") == ANSWER, "alice's answer arrives unchanged", result)
    document = await eventually(lambda: presence("alice"), lambda p: p["status"] == "on_call", "alice is on a call")
    note("backend", "reads", describe(document))
    check(not document["ringable"], "alice cannot be rung while she is on a call", document)

    note(mobile.name, "hangs up")
    await mobile.send({"type": "hangup", "id": 3, "call": rung[1]["call"]})
    await mobile.next("ok")
    await eventually(lambda: rest("GET", f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{call}.json"),
                     lambda c: c["status"] == "completed", "the call is completed")
    document = await eventually(lambda: presence("alice"), lambda p: p["ringable"] == ["voice"], "alice can be rung again")
    note("backend", "reads", describe(document))
    for client, cancels, answers in ((desk, 1, 0), (mobile, 0, 1), (bob, 0, 0)):
        kinds = [message["type"] for message in client.heard]
        check((kinds.count("cancel"), kinds.count("answered")) == (cancels, answers),
              f"{client.name} hears {cancels} cancel and {answers} answered", kinds)
    return call


async def tell(call):
    """What the system and the customer say about the call joins the timeline."""
    def instant(text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    trace = await rest("GET", f"/v1/Accounts/{ACCOUNT}/Calls/{call}/Trace")
    check(trace["call"] == call and trace["events"], "the trace tells what happened", trace)
    for event in trace["events"]:
        detail = " ".join(f"{k}={v if isinstance(v, str) else json.dumps(v)}" for k, v in (event.get("detail") or {}).items() if v != "")
        note(event.get("host") or event.get("node") or "?", event["event"], detail, instant(event["at"]))
    if APPLICATION:
        events = await eventually(lambda: asyncio.to_thread(request, "GET", f"{APPLICATION}/events?call={call}", None, None),
                                  lambda seen: any(e["parameters"].get("CallStatus") == "completed" and e["what"] == "status" for e in seen),
                                  "the customer is told that the call is completed")
        for event in events:
            parameters = event["parameters"]
            note("customer", "/" + event["what"], parameters.get("DialCallStatus") or parameters.get("CallStatus", ""), event["at"])


async def main(keep_call):
    desk, mobile, bob = clients = Client("alice", "desk"), Client("alice", "mobile"), Client("bob", "browser")
    print(f"Clients connect through {BASE}")
    try:
        call = await play(desk, mobile, bob)
        await tell(call)
    except (Broken, OSError, websockets.WebSocketException) as broken:
        print_timeline()
        sys.exit(f"NOT AS PROMISED: {broken or type(broken).__name__}")
    finally:
        for client in clients:
            if hasattr(client, "socket"):
                await client.close()
    print(f"Call {call}")
    print_timeline()
    print("All as promised: both devices rang, one answered, the other was told, connected, hung up.")
    if keep_call:
        with open(keep_call, "w", encoding="ascii") as file:
            file.write(f"export DEMO_CALL_SID={call}\n")


if __name__ == "__main__":
    if len(sys.argv) not in (1, 3) or (len(sys.argv) == 3 and sys.argv[1] != "--keep-call"):
        sys.exit(__doc__)
    asyncio.run(main(sys.argv[2] if len(sys.argv) == 3 else None))
