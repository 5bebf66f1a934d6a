"""A throw-away machine with a real systemd as its first process.

It is a container of systemd-nspawn over an overlay: the lower layers are an empty Debian
(debian.py), writes go to a tmpfs, and only a loopback network is there. It boots in a second.
It has nothing that goevd's packages do not depend on, so clients are this machine's own programs, in the
network of the machine.
"""
import ctypes
import os
import pathlib
import socket
import subprocess
import threading
import time

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
BOOT_S = 60
STATES = ('running', 'degraded')


class Machine:
    """Boots when it is made; close() it."""

    def __init__(self, folder, *layers):
        self.root = folder / 'root'
        self.leader = None
        folder.mkdir()
        setup = f'''
            mount --make-rprivate /
            mount -t tmpfs -o mode=755 tmpfs {folder}
            mkdir {folder}/up {folder}/work {self.root}
            chmod 755 {folder}/up
            mount -t overlay overlay -o \
                lowerdir={":".join(map(str, layers))},upperdir={folder}/up,workdir={folder}/work {self.root}
            : > {self.root}/etc/machine-id
            exec systemd-nspawn -q -D {self.root} -M goevd-{os.getpid()} --register=no \
                --keep-unit --private-network --resolv-conf=off --timezone=off \
                --link-journal=no --console=pipe -b systemd.unit=basic.target \
                systemd.show_status=no
        '''
        self.log = (folder.parent / f'{folder.name}.log').open('w')
        self.process = subprocess.Popen(['unshare', '-m', 'sh', '-ec', setup], stdout=self.log,
                                        stdin=subprocess.DEVNULL, stderr=self.log,
                                        start_new_session=True)
        self.boot()

    def first(self):
        """The machine's process 1, as this machine sees it, as soon as it has booted."""
        for pid in pathlib.Path(f'/proc/{self.process.pid}/task/{self.process.pid}/children') \
                .read_text().split():
            if pathlib.Path(f'/proc/{pid}/comm').read_text().strip() != 'systemd':
                continue
            state = subprocess.run(['nsenter', '-t', pid, '-a', 'systemctl', 'is-system-running'],
                                   capture_output=True, text=True, check=False).stdout.strip()
            if state in STATES:
                return pid
        return None

    def boot(self):
        """Until it runs."""
        deadline = time.monotonic() + BOOT_S
        while not self.leader:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError('it does not boot: ' + pathlib.Path(self.log.name).read_text())
            time.sleep(0.05)
            try:
                self.leader = self.first()
            except (FileNotFoundError, ProcessLookupError):   # a process that has just ended
                pass

    def command(self, *argv):
        """The command line that runs one inside."""
        return ['nsenter', '-t', self.leader, '-m', '-u', '-i', '-n', '-p', '-C', 'env', '-i',
                'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'LANG=C.UTF-8',
                'DEBIAN_FRONTEND=noninteractive', *map(str, argv)]

    def outside(self, *argv):
        """The command line that runs a program of this machine in the other's network."""
        return ['nsenter', '-t', self.leader, '-n', *map(str, argv)]

    def client(self, *argv, fails=False):
        """Output of such a program."""
        return self.finished(self.outside(*argv), fails)

    def connect(self, port):
        """A socket of this process that is connected to a port of the machine."""
        found = []

        def enter():
            with open(f'/proc/{self.leader}/ns/net') as network:
                assert LIBC.setns(network.fileno(), CLONE_NEWNET) == 0
            found.append(socket.create_connection(('127.0.0.1', port), BOOT_S))

        thread = threading.Thread(target=enter)   # a thread can leave its network, and no other does
        thread.start()
        thread.join()
        return found[0]

    def run(self, *argv, fails=False, **more):
        """Output of a command inside; `fails`: it must not succeed."""
        return self.finished(self.command(*argv), fails, **more)

    def finished(self, argv, fails, **more):
        """Output of a command line."""
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, text=True, capture_output=True,
                              timeout=BOOT_S, check=False, **more)
        assert (done.returncode != 0) == fails, (argv, done, self.journal())
        return done.stdout if not fails else done.stdout + done.stderr

    def kill(self, signal, pid):
        """Sends a request with a tool that every shell has."""
        self.run('sh', '-c', f'kill -{signal} {pid}')

    def path(self, path):
        """A file inside, as this machine reaches it."""
        return pathlib.Path(f'/proc/{self.leader}/root') / str(path).lstrip('/')

    def write(self, path, text):
        """A file inside."""
        self.path(path).parent.mkdir(parents=True, exist_ok=True)
        self.path(path).write_text(text)

    def journal(self, unit='goevd'):
        """The log of a unit."""
        done = subprocess.run(self.command('journalctl', '-u', unit, '-o', 'cat', '--no-pager'),
                              capture_output=True, text=True, check=False)
        return done.stdout

    def show(self, name, unit='goevd'):
        """A property of a unit."""
        return self.run('systemctl', 'show', '-P', name, unit).strip()

    def close(self):
        """Power off, and let go of all that it has written."""
        if self.leader:
            subprocess.run(['nsenter', '-t', self.leader, '-a', 'systemctl', 'poweroff', '--force'],
                           capture_output=True, check=False)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()
