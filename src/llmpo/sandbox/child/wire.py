"""The frames on the two pipes between the trusted side and a confined process.

Every request gets exactly one reply with the same operation and sequence number.
Numbers are little-endian; observations and actions are raw float64, so the trusted
side never decodes anything richer than numbers and text.
"""

import struct

# operation, status, unused, sequence number, length of the payload in bytes. 16 bytes
# keep a float64 payload aligned.
HEADER = struct.Struct("<BBHIQ")

SETUP = 1  # JSON set-up -> JSON with the active layers, and what is missing
LOAD = 2  # source text -> nothing; compiles it and finds the class
EPISODE = 3  # uint64 seed -> nothing; seeds and, if need be, runs the module again
CREATE = 4  # nothing -> nothing; calls the constructor if there is no object
ACT = 5  # one observation -> the action as float64
SUMMARIZE = 6  # observations, actions, rewards -> text

OK = 0
SYNTAX = 1
CONTRACT = 2
CRASH = 3
MEMORY = 4
BAD_ACTION = 5

PID = struct.Struct("=i")
SEED = struct.Struct("<Q")
STEPS = struct.Struct("<Q")

# A failure's payload: message, NUL, traceback. No reply but a summary may be longer.
MAX_FAILURE = 16 * 1024
MAX_SUMMARY = 64 * 1024


def failure_payload(message: str, traceback: str) -> bytes:
    """Returns the payload of a failure, cut to `MAX_FAILURE` bytes."""
    half = MAX_FAILURE // 2 - 1
    head = message.replace("\0", " ").encode("utf-8", "replace")[:half]
    tail = traceback.replace("\0", " ").encode("utf-8", "replace")[-half:]
    return head + b"\0" + tail
