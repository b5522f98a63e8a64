#!/usr/bin/env python3
"""Writes what a caller does as a SIPp scenario, and tells what a caller heard.

usage: callers.py scenario OUT STEP...     a step is SECONDS:KEYS; a last `bye` hangs up
       callers.py info OUT STEP...         the same, keys by SIP INFO, not as events (RFC 4733)
       callers.py operator OUT             an operator who answers and prints the token
       callers.py heard PCAP               seconds of sound in what Asterisk sent
       callers.py booked BASE NUMBER...    fails unless each number has one booking, and the codes differ

Keys may be `[field1]`: what stands in that column of the list of callers.
"""
import http.cookiejar
import re
import struct
import sys
import urllib.parse
import urllib.request

ADDRESSES = """From: <sip:[field0]@[local_ip]>;tag=[pid]t[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>%s
Call-ID: [call_id]
CSeq: %d %s
Contact: <sip:[field0]@[local_ip]:[local_port]>
Max-Forwards: 70
"""
SDP = """v=0
o=caller 1 1 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [auto_media_port] RTP/AVP 0 96
a=rtpmap:0 PCMU/8000
a=rtpmap:96 telephone-event/8000
a=fmtp:96 0-15
a=ptime:20
a=sendrecv
"""
OK = """SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]%s
[last_Call-ID:]
[last_CSeq:]
"""


def send(text, body="", kind="", again=True):
    tail = f"Content-Type: {kind}\nContent-Length: [len]\n\n{body}" if body else "Content-Length: 0\n\n"
    retrans = ' retrans="500"' if again else ""
    return f"<send{retrans}><![CDATA[\n{text}{tail}]]></send>\n"


def request(method, number, body="", kind=""):
    line = (f"{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0\n"
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n")
    to = "" if method == "INVITE" else "[peer_tag_param]"
    return send(line + ADDRESSES % (to, number, method), body, kind, again=method != "ACK")


def events(keys):
    """Keys in the stream of sound. SIPp plays each for 200 ms and waits as long after it."""
    # A field is a telephone number.
    many = 10 if keys.startswith("[") else len(keys)
    return (f'<nop><action><exec play_dtmf="{keys}"/></action></nop>\n'
            f'<pause milliseconds="{many * 400 + 200}"/>\n')


def scenario(steps, info):
    bye = bool(steps) and steps[-1] == "bye"
    out = request("INVITE", 1, SDP, "application/sdp")
    out += "".join(f'<recv response="{code}" optional="true"/>\n' for code in (100, 180, 183))
    out += '<recv response="200" rrs="true"/>\n' + request("ACK", 1)
    number = 2
    for step in steps[:-1] if bye else steps:
        seconds, _, keys = step.partition(":")
        out += f'<pause milliseconds="{int(float(seconds) * 1000)}"/>\n'
        if keys and not info:
            out += events(keys)
            continue
        for key in keys:
            out += request("INFO", number, f"Signal={key}\nDuration=120\n",
                           "application/dtmf-relay")
            out += '<recv response="200"/>\n<pause milliseconds="250"/>\n'
            number += 1
    if bye:
        out += request("BYE", 900) + '<recv response="200"/>\n'
    else:
        out += '<recv request="BYE" timeout="90000"/>\n' + send(OK % "", again=False)
    return f'<?xml version="1.0"?>\n<scenario name="caller">\n{out}</scenario>\n'


def operator():
    answer = OK % ";tag=[pid]o[call_number]" + "Contact: <sip:desk@[local_ip]:[local_port]>\n"
    out = """<recv request="INVITE"><action>
<ereg regexp=".*" search_in="hdr" header="X-Cupo-Context:" assign_to="token"/>
<log message="TOKEN [$token]"/></action></recv>
"""
    out += send(answer, SDP, "application/sdp", again=True)
    out += '<recv request="ACK"/>\n<pause milliseconds="1500"/>\n'
    out += '<recv request="BYE" timeout="90000"/>\n' + send(OK % "", again=False)
    return f'<?xml version="1.0"?>\n<scenario name="operator">\n{out}</scenario>\n'


def heard(path):
    """The longest stream of PCMU that came from Asterisk's ports: seconds, and those with sound."""
    data = open(path, "rb").read()
    order = "<" if data[:4] == b"\xd4\xc3\xb2\xa1" else ">"
    head = {1: 14, 0: 4, 113: 16, 276: 20}[struct.unpack(order + "I", data[20:24])[0]]
    at, streams = 24, {}
    while at + 16 <= len(data):
        _, _, length, _ = struct.unpack(order + "IIII", data[at:at + 16])
        packet = data[at + 16:at + 16 + length][head:]
        at += 16 + length
        if len(packet) < 40 or packet[0] >> 4 != 4 or packet[9] != 17:
            continue
        udp = packet[(packet[0] & 15) * 4:]
        port, rtp = struct.unpack(">H", udp[:2])[0], udp[8:]
        if 20000 <= port <= 29999 and len(rtp) > 12 and rtp[1] & 0x7F == 0:
            streams.setdefault((port, rtp[8:12]), []).append(rtp[12:])
    if not streams:
        sys.exit("no sound was sent")
    sound = b"".join(max(streams.values(), key=len))
    loud = sum(1 for i in range(0, len(sound) - 800, 800)
               if sum(level(b) for b in sound[i:i + 800]) / 800 > 150)
    print(f"{len(sound) / 8000:.1f} s sent, {loud / 10:.1f} s of sound")
    if loud < 50:
        sys.exit("less than five seconds of sound")


def level(byte):
    """How loud a sample of PCMU is (ITU-T G.711)."""
    byte = ~byte & 0xFF
    return ((((byte & 0x0F) << 3) + 0x84) << (byte >> 4 & 7)) - 0x84


def booked(base, numbers):
    """Looks every number up as an operator does."""
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(jar)

    def post(path, **fields):
        data = urllib.parse.urlencode(fields).encode()
        return browser.open(base + path, data).read().decode()

    post("/staff/sign-in", key="demo-desk")
    codes = []
    for number in numbers:
        page = post("/desk/find?lang=en", q=number)
        found = re.findall(r'<ul class="found">.*?</ul>', page, re.S)
        own = re.findall(r'Code <span class="num">([0-9 ]+)</span>', found[0]) if found else []
        if len(own) != 1:
            sys.exit(f"{len(own)} bookings under the number {number}")
        codes += own
    if len(set(codes)) != len(codes):
        sys.exit("two bookings have the same code")
    print(f"{len(codes)} numbers typed, each has its booking")


what, path, *rest = sys.argv[1:]
if what == "heard":
    heard(path)
elif what == "booked":
    booked(path, rest)
else:
    text = operator() if what == "operator" else scenario(rest, what == "info")
    open(path, "w").write(text)
