"""Clients in a machine of its own, that connect again and again."""
import subprocess
import sys

KNOCKS = '''
import socket, sys, threading, time
PORT, SECONDS = int(sys.argv[1]), float(sys.argv[2])
ends, answered, failed, refused = time.monotonic() + SECONDS, [], [], []
def knock():
    # Twice at least, however long it has slept.
    while time.monotonic() < ends or not failed and not refused and len(answered) <= 64:
        try:
            with socket.create_connection(('127.0.0.1', PORT), 30) as s:
                s.settimeout(30)
                s.sendall(b'GET / HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n')
                data = b''
                while more := s.recv(4096):
                    data += more
                (answered if data.startswith(b'HTTP/1.1 200') else failed).append(data)
        except ConnectionRefusedError as e:
            refused.append(e)
        except OSError as e:
            failed.append(e)
threads = [threading.Thread(target=knock) for _ in range(64)]
for t in threads: t.start()
print('knocking', flush=True)
for t in threads: t.join()
print(len(answered), len(failed), len(refused), failed[:3])
'''


def knock(box, port=80, seconds=4):
    """64 clients that connect again and again."""
    clients = subprocess.Popen(box.outside(sys.executable, '-c', KNOCKS, port, seconds),
                               stdout=subprocess.PIPE, text=True)
    assert clients.stdout.readline() == 'knocking\n'
    return clients


def said(clients):
    """How many connections were answered, failed otherwise, and were refused."""
    return [int(n) for n in clients.communicate(timeout=60)[0].split()[:3]]


def assert_all_were_answered(clients):
    """None was refused or reset."""
    answered, failed, refused = said(clients)
    assert answered > 64 and (failed, refused) == (0, 0)
