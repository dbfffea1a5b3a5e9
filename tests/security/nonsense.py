"""Heads, paths and searches that make no sense or ask for too much, and searches that only look so."""

MB = 1 << 20

HEADS: dict[str, tuple[int, bytes]] = {
    "a header of 60 MB": (431, b"x: " + b"a" * (60 * MB)),
    "a million headers": (431, b"".join(b"x%d: y\r\n" % number for number in range(1_000_000))),
    "a length without end": (400, b"content-length: " + b"9" * 100 + b"\r\n\r\n{}"),
    "a negative length": (400, b"content-length: -1\r\n\r\n{}"),
    "two lengths": (400, b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "a length and chunks": (400, b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
    "a chunk over all range": (400, b"transfer-encoding: chunked\r\n\r\nfffffffffffffffff\r\n"),
    "a chunk's name of 12 MB": (431, b"transfer-encoding: chunked\r\n\r\n2;" + b"a" * (12 * MB)),
    "trailers of 12 MB": (431, b"transfer-encoding: chunked\r\n\r\n0\r\nx: " + b"a" * (12 * MB)),
    "a header without a name": (400, b": a\r\n\r\n"),
    "a folded header": (400, b"x: a\r\n b\r\nx y: z\r\n\r\n"),
}

NONSENSE = (
    "%", "%z", "%zz", "%00", "%ff", "%c0%af", "%ed%a0%80", "%2e%2e", "..", "%2F..%2fetc", "%5c..%5c", "%25%32%46",
    "%0d%0aX:%20y", "a;b=c", "%E2%80%AE", "'%20OR%20'1'='1", "%22;--", "${jndi:ldap://x}", "{}", "~", "*", "a" * 16_000,
)  # fmt: skip

REFUSED_SEARCHES = [
    {"query": "'"},
    {"query": "'; DROP TABLE workflow; --"},
    {"query": "status = 'A' OR 1=1"},
    {"query": 'status = "A" UNION SELECT 1'},
    {"query": "status = A) OR (1=1"},
    {"query": "nothing = 1"},
    {"query": "a" * 10_001},
    {"query": "(" * 51 + "status=A" + ")" * 51},
    {"query": "(" * 9_000},
    {"query": "status=A AND " * 700},
    {"query": "workflowType=" + "*a" * 11},
    {"query": f"status IN ({','.join(['A'] * 1_001)})"},
    {"query": "status = \x00"},
    {"query": "startTime > 99999999999999999999"},
    {"query": "startTime = NaN"},
    {"freeText": "\x00"},
    {"freeText": "a" * 10_001},
    {"sort": "startTime;DROP TABLE workflow"},
    {"sort": "startTime:ASC|" * 11},
    {"sort": "startTime:UP"},
    {"start": "-1"},
    {"size": "5001"},
    {"size": "9" * 30},
    {"start": "1e3"},
]

TAKEN_SEARCHES = [
    {"query": "workflowType = '%_%'"},
    {"query": "(" * 50 + "status=A" + ")" * 50},
    {"query": f"status IN ({','.join(['A'] * 1_000)})"},
    {"query": "workflowType='" + "a" * 9_000 + "'"},
    {"query": "workflowType=" + "*a" * 10},
    {"query": " OR ".join(["status=A"] * 700)},
    {"freeText": "'\"%_\\;--"},
    {"freeText": "a*" * 5_000},
    {"freeText": "*" * 10_000},
]
