"""The data of /proc about a process."""
import ctypes
import os
import pathlib
import re
import socket

PIDFD_GETFD = 438   # the system call, pidfd_getfd(2)
ESTABLISHED, LISTEN = '01', '0A'   # states in /proc/net/tcp


def children(pid):
    """The processes that it has started."""
    try:
        return [int(w) for w in
                pathlib.Path(f'/proc/{pid}/task/{pid}/children').read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def alive(pid):
    """Whether it runs; a zombie does not."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()[0] != 'Z'
    except (FileNotFoundError, ProcessLookupError):
        return False


def files(pid):
    """The target of each fd, by number; those that are closed meanwhile are left out."""
    found = {}
    for fd in pathlib.Path(f'/proc/{pid}/fd').iterdir():
        try:
            found[fd.name] = os.readlink(fd)
        except FileNotFoundError:
            pass
    return found


def tasks(pid):
    """The name of each thread of it, by number, but of those that end meanwhile."""
    found = {}
    for task in pathlib.Path(f'/proc/{pid}/task').iterdir():
        try:
            found[task.name] = (task / 'comm').read_text().rstrip('\n')
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def stopped(pid):
    """Whether SIGSTOP has reached every thread of it."""
    stats = pathlib.Path(f'/proc/{pid}/task').glob('*/stat')
    return all(p.read_text().rsplit(')', 1)[1].split()[0] == 'T' for p in stats)


def sleeps(pid, name):
    """How often the thread of that name has gone to sleep; it may not have its name yet."""
    for task, comm in tasks(pid).items():
        if comm == name:
            status = pathlib.Path(f'/proc/{pid}/task/{task}/status').read_text()
            return int(re.search(r'^voluntary_ctxt_switches:\s+(\d+)', status, re.M)[1])
    return 0


def rss_bytes(pid):
    """Resident memory."""
    return int(re.search(r'^VmRSS:\s+(\d+)',
                         pathlib.Path(f'/proc/{pid}/status').read_text(), re.M)[1]) * 1024


def open_files(pid):
    """How many fds it holds."""
    return len(os.listdir(f'/proc/{pid}/fd'))


def tcp_states(port):
    """The state of each IPv4 socket whose own port is this one, by inode."""
    found = {}
    for line in pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].split(':')[1], 16) == port:
            found[fields[9]] = fields[3]
    return found


def tcp_sockets(pid):
    """How many IPv4 TCP sockets a process holds, in any state but TIME_WAIT.

    Its other descriptors come and go on their own for a moment after READY.
    """
    rows = pathlib.Path('/proc/net/tcp').read_text().splitlines()[1:]
    known = {f'socket:[{row.split()[9]}]' for row in rows}
    return len([target for target in files(pid).values() if target in known])


def listeners(port):
    """How many IPv4 sockets listen on that port."""
    return list(tcp_states(port).values()).count(LISTEN)


def watched(pid):
    """For each epoll of a process, the fds that it watches."""
    found = []
    for fd, target in files(pid).items():
        if target == 'anon_inode:[eventpoll]':
            info = pathlib.Path(f'/proc/{pid}/fdinfo/{fd}').read_text()
            found.append(re.findall(r'^tfd:\s*(\d+)', info, re.M))
    return found


def held(pid, port):
    """How many connections of a port each poller holds: an epoll that watches sockets of it."""
    states = tcp_states(port)
    behind = {fd: target[8:-1] for fd, target in files(pid).items() if target.startswith('socket:')}
    found = [[states.get(behind.get(fd)) for fd in fds] for fds in watched(pid)]
    return sorted(held.count(ESTABLISHED) for held in found
                  if ESTABLISHED in held or LISTEN in held)


def borrow_connection(pid, port):
    """A copy of a process's own socket of a connection to that port."""
    states = tcp_states(port)
    for fd, target in files(pid).items():
        if states.get(target[8:-1]) == ESTABLISHED:
            pidfd = os.pidfd_open(pid)
            copy = ctypes.CDLL(None, use_errno=True).syscall(PIDFD_GETFD, pidfd, int(fd), 0)
            os.close(pidfd)
            assert copy >= 0, os.strerror(ctypes.get_errno())
            return socket.socket(fileno=copy)
    raise AssertionError(f'process {pid} has no connection to port {port}')


def threads(pid):
    """The names of its threads."""
    return sorted(tasks(pid).values())
