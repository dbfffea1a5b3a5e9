"""Takes from the running process all that a script evaluator does not need. Linux mostly; for a worker process only.

Each step is tried and reported; one that the platform refuses leaves the others in place, since no wall is trusted
alone. There is no way back: files, sockets, processes and signals are out of reach afterwards.
"""

import ctypes
import os
import resource
import struct
from collections.abc import Callable

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_SECCOMP_MODE_FILTER = 2
_NOBODY = 65534
_NAMESPACES = 0x20000 | 0x4000000 | 0x8000000 | 0x40000000
"""CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWNET"""
_NEW_USER = 0x10000000
_DESCRIPTORS_MAX = 4096
_PROT_EXEC = 4
_ERRNO_EPERM, _ALLOW, _KILL = 0x00050000 | 1, 0x7FFF0000, 0x80000000
_LOAD, _JUMP_EQUAL, _JUMP_SET, _RETURN = 0x20, 0x15, 0x45, 0x06
_OFFSET_NUMBER, _OFFSET_ARCH, _OFFSET_ARGUMENTS = 0, 4, 16

_CALLS = {
    "x86_64": {
        "read": 0, "write": 1, "mmap": 9, "mprotect": 10, "munmap": 11, "brk": 12, "rt_sigaction": 13,
        "rt_sigprocmask": 14, "rt_sigreturn": 15, "sched_yield": 24, "mremap": 25, "madvise": 28, "setitimer": 38,
        "exit": 60, "gettimeofday": 96, "getrusage": 98, "sigaltstack": 131, "futex": 202, "restart_syscall": 219,
        "clock_gettime": 228, "exit_group": 231, "getrandom": 318,
    },
    "aarch64": {
        "read": 63, "write": 64, "mmap": 222, "mprotect": 226, "munmap": 215, "brk": 214, "rt_sigaction": 134,
        "rt_sigprocmask": 135, "rt_sigreturn": 139, "sched_yield": 124, "mremap": 216, "madvise": 233,
        "setitimer": 103, "exit": 93, "gettimeofday": 169, "getrusage": 165, "sigaltstack": 132, "futex": 98,
        "restart_syscall": 128, "clock_gettime": 113, "exit_group": 94, "getrandom": 278,
    },
}  # fmt: skip
_ARCHITECTURES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}


def harden(memory_bytes: int) -> list[str]:
    """Jail this process, which may then use *memory_bytes* more than now; answer each step with how it went.

    Only descriptor 0 (the pool's socket) remains useful, and only to read and write.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    steps: list[tuple[str, Callable[[], str | None]]] = [
        ("environment", _empty_environment),
        ("descriptors", _close_descriptors),
        ("namespaces", lambda: _leave_namespaces(libc)),
        ("root directory", _change_root),
        ("user", _become_nobody),
        ("capabilities", lambda: _drop_capabilities(libc)),
        ("no new privileges", lambda: _prctl(libc, _PR_SET_NO_NEW_PRIVS, 1)),
        ("not dumpable", lambda: _prctl(libc, _PR_SET_DUMPABLE, 0)),
        ("resource limits", lambda: _limit_resources(memory_bytes)),
        ("system calls", lambda: _filter_calls(libc)),
    ]
    return [f"{name}: {_tried(step)}" for name, step in steps]


def _tried(step: Callable[[], str | None]) -> str:
    try:
        return step() or "on"
    except (OSError, ValueError, AttributeError, LookupError) as error:
        return f"off ({type(error).__name__}: {error})"


def _checked(outcome: int) -> None:
    if outcome != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _empty_environment() -> None:
    os.environ.clear()


def _close_descriptors() -> None:
    os.closerange(3, _DESCRIPTORS_MAX)
    os.chdir("/")


def _leave_namespaces(libc: ctypes.CDLL) -> str | None:
    """Get a network without interfaces, and mounts, names and shared memory of one's own."""
    if libc.unshare(_NAMESPACES) == 0:
        return None
    _checked(libc.unshare(_NEW_USER | _NAMESPACES))
    return "on (in a user namespace)"


def _change_root() -> None:
    """Make a directory of /proc the root, which has no files that matter and can't be written."""
    os.chroot("/proc/self/fdinfo")
    os.chdir("/")


def _become_nobody() -> str | None:
    if os.geteuid() != 0:
        return f"on (user {os.geteuid()})"
    os.setgroups([])
    os.setresgid(_NOBODY, _NOBODY, _NOBODY)
    os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    return None


def _drop_capabilities(libc: ctypes.CDLL) -> None:
    _checked(libc.capset(struct.pack("<Ii", 0x20080522, 0), bytes(24)))


def _prctl(libc: ctypes.CDLL, option: int, value: int) -> None:
    _checked(libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0))


def _limit_resources(memory_bytes: int) -> str | None:
    for kind in (resource.RLIMIT_CORE, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC):
        resource.setrlimit(kind, (0, 0))
    if _size_bytes is None:
        return "on (no limit of memory)"
    room = _size_bytes + memory_bytes
    resource.setrlimit(resource.RLIMIT_AS, (room, room))
    return None


def _measured_size() -> int | None:
    try:
        with open("/proc/self/statm", "rb") as file:  # noqa: PTH123 (pathlib would be imported for this alone)
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return None


_size_bytes = _measured_size()


def _filter_calls(libc: ctypes.CDLL) -> str:
    """Allow the few system calls that computing takes; any other fails with EPERM."""
    machine = os.uname().machine
    program = _filter_program(_CALLS[machine], _ARCHITECTURES[machine])
    buffer = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    _checked(libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0))
    return f"on ({len(_CALLS[machine])} allowed)"


def _filter_program(calls: dict[str, int], architecture: int) -> bytes:
    """Assemble the classic BPF program: the right machine, then one comparison for each allowed call.

    `read` and `write` are allowed on descriptor 0 alone, memory never becomes executable.
    """
    guarded = {"read": (0, _JUMP_EQUAL, 0), "write": (0, _JUMP_EQUAL, 0)}
    guarded |= dict.fromkeys(("mmap", "mprotect"), (2, _JUMP_SET, _PROT_EXEC))
    lines = [
        (_LOAD, 0, 0, _OFFSET_ARCH),
        (_JUMP_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _OFFSET_NUMBER),
    ]
    for name, number in calls.items():
        if name not in guarded:
            lines += [(_JUMP_EQUAL, 0, 1, number), (_RETURN, 0, 0, _ALLOW)]
            continue
        argument, test, operand = guarded[name]
        holds, fails = (_ALLOW, _ERRNO_EPERM) if test == _JUMP_EQUAL else (_ERRNO_EPERM, _ALLOW)
        lines += [
            (_JUMP_EQUAL, 0, 4, number),
            (_LOAD, 0, 0, _OFFSET_ARGUMENTS + 8 * argument),
            (test, 0, 1, operand),
            (_RETURN, 0, 0, holds),
            (_RETURN, 0, 0, fails),
        ]
    lines.append((_RETURN, 0, 0, _ERRNO_EPERM))
    return b"".join(struct.pack("<HBBI", *line) for line in lines)
