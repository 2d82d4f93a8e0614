"""Programs on the simulated line: sz and rz, uucico, and dialsync's dialer.

Each of Peers' classes prepares two directories with files, runs both ends on
a line and says when what it carried was in place; nothing here judges.
"""
import dataclasses
import os
import random
import re
import shutil
import signal
import sqlite3
import subprocess
import threading
import time

SAFE = b"You can hang up now."


class Failed(Exception):
    """A run that did not do its work; the text says why."""


@dataclasses.dataclass
class Work:
    """What is to be carried over which line."""
    bps: int = 33600
    delay: int = 60             # ms, one way
    ab: tuple = (0, 0)          # files, bytes of each
    ba: tuple = (0, 0)
    ber: str = "0"
    xonxoff: bool = False
    cut: int = 0                # carrier lost once, after so many bytes A to B
    unlimited: bool = False     # a plain pair of ptys, no line
    sparse: bool = False        # files of zeros that take no room

    def limit(self):
        most = max(self.ab[0] * self.ab[1], self.ba[0] * self.ba[1])
        return most * 10 / self.bps


@dataclasses.dataclass
class Result:
    seconds: float              # first byte to safe, or to the last file
    session: float = 0.0        # ... to the end of both programs
    wire_ab: int = 0
    wire_ba: int = 0
    trips_before: float = 0.0   # round trips before the first data byte
    trips_after: float = 0.0    # and after the last
    idle_before: float = 0.0    # the same in seconds
    idle_after: float = 0.0
    cpu: list = dataclasses.field(default_factory=list)   # caller, answerer
    rss: list = dataclasses.field(default_factory=list)   # peak, bytes
    calls: int = 1


class Watch(threading.Thread):
    """A program's standard error, with the time of each line."""

    def __init__(self, pipe):
        super().__init__(daemon=True)
        self.pipe, self.lines = pipe, []
        self.start()

    def run(self):
        for line in self.pipe:
            self.lines.append((time.time(), line))
            del self.lines[:-2000]

    def when(self, text):
        return next((t for t, l in self.lines if text in l), None)

    def tail(self):
        return b"".join(l for _, l in self.lines[-6:]).decode(
            errors="replace").strip().replace("\n", " | ")


class Line:
    """line-sim, or socat between two ptys when there is no limit."""

    def __init__(self, build, where, work, seed, redial=False):
        self.where, self.work = where, work
        self.a, self.b = where + "/tty_a", where + "/tty_b"
        self.stats = where + "/stats"
        if work.unlimited:
            cmd = ["socat", "-b", "65536", f"PTY,link={self.a},raw,echo=0",
                   f"PTY,link={self.b},raw,echo=0"]
        else:
            cmd = [build + "/tests/line/line-sim", "--a", self.a, "--b",
                   self.b, "--bps", str(work.bps), "--delay", str(work.delay),
                   "--ber", work.ber, "--seed", str(seed), "--stats",
                   self.stats]
            if work.xonxoff:
                cmd += ["--xonxoff"]
            if work.cut:
                cmd += ["--cut-bytes", str(work.cut), "--cut-dir", "ab"]
            if redial:
                cmd += ["--redial"]
        self.p = subprocess.Popen(cmd, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        wait_for(lambda: os.path.exists(self.a) and os.path.exists(self.b),
                 5, "the line's ends", self.p)
        for end in (self.a, self.b):    # uucico gives up root
            os.chmod(os.path.realpath(end), 0o666)

    def end(self):
        """Stop it and return its statistics."""
        self.p.terminate()
        self.p.wait(10)
        if self.work.unlimited:
            return {}
        with open(self.stats) as f:
            return dict(l.rstrip("\n").split(": ", 1) for l in f)

    def kill(self):
        if self.p.poll() is None:
            self.p.kill()
            self.p.wait()


def wait_for(ready, seconds, what, *programs):
    end = time.time() + seconds
    while not ready():
        if time.time() > end:
            raise Failed(f"{what}: not within {seconds:.0f} s")
        for p in programs:
            if p.poll() is not None:
                raise Failed(f"{what}: a program ended with {p.returncode}")
        time.sleep(0.02)


def make_file(path, size, rng, sparse=False):
    with open(path, "wb") as f:
        if sparse:
            f.truncate(size)
            return
        while size > 0:
            n = min(size, 1 << 20)
            f.write(rng.randbytes(n))
            size -= n


def same(a, b):
    """Compared by blocks: these may be larger than memory."""
    if os.path.getsize(a) != os.path.getsize(b):
        return False
    with open(a, "rb") as f, open(b, "rb") as g:
        while True:
            x = f.read(1 << 20)
            if x != g.read(1 << 20):
                return False
            if not x:
                return True


class Arrival(threading.Thread):
    """When the last of some files is in place at its full size."""

    def __init__(self, files):
        super().__init__(daemon=True)
        self.missing, self.time, self.stop = dict(files), None, False
        self.start()

    def run(self):
        while self.missing and not self.stop:
            for path, size in list(self.missing.items()):
                try:
                    if os.stat(path).st_size != size:
                        break
                except OSError:
                    break
                del self.missing[path]
            if self.missing:
                time.sleep(0.004)
        if not self.missing:
            self.time = time.time()


class Peak(threading.Thread):
    """The largest memory of programs and what they start: the kernel's peak
    of each, summed.  A process that was forked shares pages, so this is no
    less than what was used."""

    def __init__(self, pids):
        super().__init__(daemon=True)
        self.pids, self.peak, self.done = pids, [{} for _ in pids], False
        self.start()

    def family(self, pid):
        yield pid
        try:
            with open(f"/proc/{pid}/task/{pid}/children") as f:
                for child in f.read().split():
                    yield from self.family(int(child))
        except OSError:
            return

    def look(self):
        for peak, pid in zip(self.peak, self.pids):
            for p in self.family(pid):
                try:
                    with open(f"/proc/{p}/status") as f:
                        m = re.search(r"VmHWM:\s+(\d+)", f.read())
                except OSError:
                    continue
                if m:
                    peak[p] = max(peak.get(p, 0), int(m.group(1)) * 1024)

    def run(self):
        while not self.done:
            self.look()
            time.sleep(0.05)

    def total(self):
        self.done = True
        return [sum(p.values()) for p in self.peak]


def times(result, stats, work, done):
    """Fill in what the line knows: bytes, and time beside the data."""
    first = min(float(stats[w + ".first_ms"]) for w in ("ab", "ba")
                if stats[w + ".first_ms"] != "null")
    result.wire_ab = int(stats["ab.bytes"])
    result.wire_ba = int(stats["ba.bytes"])
    before = after = 0.0
    for way, (count, _) in (("ab", work.ab), ("ba", work.ba)):
        if count and stats[way + ".bulk_first_ms"] != "null":
            before = max(before, float(stats[way + ".bulk_first_ms"]) - first)
            after = float(stats[way + ".bulk_last_ms"]) if after == 0 else \
                max(after, float(stats[way + ".bulk_last_ms"]))
    # the last byte still has to cross the line
    ended = done * 1000 - float(stats["ready_unix_ms"])
    result.idle_before = before / 1000
    result.idle_after = max(0.0, (ended - after - work.delay) / 1000)
    if work.delay:
        result.trips_before = before / (2 * work.delay)
        result.trips_after = result.idle_after * 1000 / (2 * work.delay)


def first_byte(stats):
    return (float(stats["ready_unix_ms"]) + min(
        float(stats[w + ".first_ms"]) for w in ("ab", "ba")
        if stats[w + ".first_ms"] != "null")) / 1000


class Program:
    """Base of the programs: directories, files, ends."""
    name = "?"
    began = None    # when the first program was started

    def __init__(self, build, where, work, seed):
        self.build, self.where, self.work, self.seed = build, where, work, seed
        self.rng = random.Random(seed)
        self.running = []
        shutil.rmtree(where, ignore_errors=True)
        os.makedirs(where)
        os.chmod(where, 0o777)

    def time_limit(self):
        return 120 + 8 * self.work.limit() + 60 * self.work.delay / 1000

    def spawn(self, cmd, tty=None, **kw):
        self.began = self.began or time.time()
        kw.setdefault("stderr", subprocess.PIPE)
        kw.setdefault("stdout", subprocess.DEVNULL)
        kw.setdefault("stdin", subprocess.DEVNULL)
        if tty:
            fd = os.open(tty, os.O_RDWR | os.O_NOCTTY)
            kw.update(stdin=fd, stdout=fd)
        try:
            p = subprocess.Popen(cmd, start_new_session=True, **kw)
        finally:
            if tty:
                os.close(fd)
        p.watch = Watch(p.stderr)
        self.running.append(p)
        return p

    def wait(self, *programs, seconds=None):
        """Wait for their end; cpu and exit codes are noted."""
        end = time.time() + (seconds or self.time_limit())
        left = list(programs)
        while left:
            for p in left[:]:
                pid, status, usage = os.wait4(p.pid, os.WNOHANG)
                if pid:
                    p.returncode = os.waitstatus_to_exitcode(status)
                    p.cpu = usage.ru_utime + usage.ru_stime
                    p.ended = time.time()
                    left.remove(p)
            if left and time.time() > end:
                raise Failed(f"{self.name}: still running after "
                             f"{self.time_limit():.0f} s: "
                             f"{left[0].watch.tail()}")
            if left:
                time.sleep(0.005)

    def end_all(self):
        for p in self.running:
            if p.returncode is None and p.poll() is None:
                try:
                    os.killpg(p.pid, signal.SIGKILL)
                except OSError:
                    pass
                p.wait()

    def run(self):
        line = None
        try:
            self.prepare()
            line = Line(self.build, self.where, self.work, self.seed,
                        redial=bool(self.work.cut))
            return self.exchange(line)
        finally:
            self.end_all()
            if line:
                line.kill()
            shutil.rmtree(self.where, ignore_errors=True)

    def check(self, pairs):
        for a, b in pairs:
            if not os.path.exists(b) or not same(a, b):
                raise Failed(f"{self.name}: {os.path.basename(b)} is not "
                             "whole at the other end")


class Peer(Program):
    """A program of others: files f000... from out/ to in/ of the other."""
    ended = None    # when both programs ended, if that tells anything

    def prepare(self):
        self.pairs = []
        for me, other, (count, size) in (("a", "b", self.work.ab),
                                         ("b", "a", self.work.ba)):
            for d in ("out", "in"):
                os.makedirs(f"{self.where}/{me}/{d}", exist_ok=True)
            os.makedirs(f"{self.where}/{other}/in", exist_ok=True)
            for i in range(count):
                f = f"{self.where}/{me}/out/f{i:03}"
                make_file(f, size, self.rng, self.work.sparse)
                self.pairs.append((f, f"{self.where}/{other}/in/f{i:03}"))
        subprocess.run(["chmod", "-R", "a+rwX", self.where], check=True)

    def exchange(self, line):
        arrival = Arrival([(b, os.path.getsize(a)) for a, b in self.pairs])
        try:
            calls = self.calls(line)
            stats = line.end()
            if arrival.missing:
                time.sleep(0.1)
        finally:
            arrival.stop = True
        self.check(self.pairs)
        done = arrival.time or time.time()
        # no line that knows: from the start of the programs
        start = first_byte(stats) if stats else self.began
        # what stays on the line after the last file is part of the session
        last = start if not stats else (float(stats["ready_unix_ms"]) + max(
            float(stats[w + ".last_ms"]) for w in ("ab", "ba"))) / 1000
        r = Result(done - start, max(done, self.ended or last) - start,
                   calls=calls)
        if stats:
            times(r, stats, self.work, done)
        return r


class Sz(Peer):
    name = "sz/rz 8K"

    def batch(self, line, me, other):
        """All files of one side; true when they are there."""
        pairs = [p for p in self.pairs if f"/{me}/out/" in p[0]]
        # -r: after a cut only what is missing
        resume = " -r" if self.work.cut else ""
        take = self.spawn(
            ["sh", "-c", f"cd {self.where}/{other}/in && exec rz -q -b"
             f"{resume} -t 600"], tty=getattr(line, other))
        send = self.spawn(
            ["sh", "-c", f"exec sz -q -b -8{resume} "
             f"{self.where}/{me}/out/*"], tty=getattr(line, me))
        end = time.time() + self.time_limit()
        while not all(os.path.exists(y) and os.path.getsize(y) ==
                      os.path.getsize(x) for x, y in pairs):
            if send.poll() is not None and take.poll() is not None:
                return False
            if time.time() > end:
                raise Failed("sz: not done in time: " + take.watch.tail())
            time.sleep(0.01)
        # sz may have lost its last "OO" to a flush, and rz wait for it
        end = time.time() + 6 * self.work.delay / 1000 + 0.5
        while time.time() < end and (send.poll() is None or
                                     take.poll() is None):
            time.sleep(0.01)
        self.end_all()
        return all(same(x, y) for x, y in pairs)

    def calls(self, line):
        for call in range(1, 5):
            good = True
            for me, other, (count, _) in (("a", "b", self.work.ab),
                                          ("b", "a", self.work.ba)):
                good = good and (count == 0 or self.batch(line, me, other))
            self.end_all()
            if good:
                return call
            if not self.work.cut:
                break
            time.sleep(0.5)     # the line's new ends
        raise Failed("sz: files are missing")


class Uucp(Peer):
    name = "uucico i"
    packet = 1024

    def prepare(self):
        super().prepare()
        for me, other in (("a", "b"), ("b", "a")):
            self.site("uu" + me, "uu" + other, me)
        subprocess.run(["chmod", "-R", "a+rwX", self.where], check=True)
        for me, other, (count, _) in (("a", "b", self.work.ab),
                                      ("b", "a", self.work.ba)):
            for i in range(count):
                subprocess.run(
                    ["uucp", "-I", f"{self.where}/{me}/config", "-r", "-C",
                     f"{self.where}/{me}/out/f{i:03}",
                     f"uu{other}!~/f{i:03}"],
                    check=True)

    def site(self, me, other, d):
        d = f"{self.where}/{d}"
        os.makedirs(d + "/spool")
        files = {
            "config": f"nodename {me}\nspool {d}/spool\npubdir {d}/in\n"
                      f"lockdir {d}\nsysfile {d}/sys\nportfile {d}/port\n"
                      f"callfile {d}/call\npasswdfile {d}/passwd\n"
                      f"logfile {d}/log\nstatfile {d}/stat\n"
                      f"debugfile {d}/debug\n",
            # the speed only has to be one that uucico knows
            "port": f"port line\ntype direct\ndevice {self.where}/tty_a\n"
                    "baud 38400\ncarrier false\nhardflow false\n",
            "sys": f"system {other}\nmyname {me}\ntime any\nport line\n"
                   f"chat \"\"\nprotocol i\nprotocol-parameter i packet-size "
                   f"{self.packet}\nlocal-send /\nremote-send /\n"
                   "local-receive /\nremote-receive /\n",
            "call": "", "passwd": "",
        }
        for name, text in files.items():
            with open(f"{d}/{name}", "w") as f:
                f.write(text)

    def calls(self, line):
        try:
            return self.until_done(line)
        except Failed as e:
            with open(f"{self.where}/a/log") as f:
                raise Failed(f"{e}: " + " | ".join(
                    f.read().splitlines()[-4:]))

    def until_done(self, line):
        for call in range(1, 5):
            # it flushes its input when it opens the port: b comes later
            a = self.caller(call)
            time.sleep(0.2)
            b = self.spawn([UUCICO, "-I", f"{self.where}/b/config"],
                           tty=line.b)
            self.wait(a, b)
            self.ended = max(a.ended, b.ended)
            if all(os.path.exists(y) for _, y in self.pairs):
                return call
            if not self.work.cut:
                break
            wait_for(lambda: os.path.exists(line.b), 5, "the line's end")
            for end in (line.a, line.b):
                os.chmod(os.path.realpath(end), 0o666)
        raise Failed("uucico: not all files are there")


    def caller(self, call):
        """Now and then uucico ends at once, without a word or a byte on the
        line; then it is started again."""
        for last in (False, False, False, False, True):
            a = self.spawn([UUCICO, "-I", f"{self.where}/a/config", "-f",
                            "-S", "uub"])
            try:
                wait_for(lambda: self.log_says("a", "Calling system", call),
                         30, "uucico's start", a)
                return a
            except Failed:
                if last:
                    raise

    def log_says(self, site, text, times):
        try:
            with open(f"{self.where}/{site}/log") as f:
                return f.read().count(text) >= times
        except OSError:
            return False


class Uucp4k(Uucp):
    name = "uucico i 4K"
    packet = 4000


UUCICO = next((p for p in ("/usr/sbin/uucico", "/usr/lib/uucp/uucico")
               if os.path.exists(p)), None)


class Ours(Program):
    name = "dialsync"
    sites = (("ann", "hub"), ("hub", "ann"))
    security = os.environ.get("BENCH_SECURITY", "encrypt")

    def prepare(self):
        os.makedirs(self.where + "/lock")
        self.env = dict(os.environ, DIALSYNC_LOCK_DIR=self.where + "/lock",
                        DIALSYNC_EXEC_PATH=self.build)
        for me, peer in self.sites:
            self.site(me, peer)
        self.share_key()
        self.pairs = []
        for (me, peer), (count, size) in zip(self.sites,
                                             (self.work.ab, self.work.ba)):
            os.makedirs(f"{self.where}/sent/{me}")
            for i in range(1, count + 1):
                name = f"{i:08}.xml.gz"
                out = f"{self.where}/{me}/outbox/{peer}/{name}"
                kept = f"{self.where}/sent/{me}/{name}"
                make_file(out, size, self.rng, self.work.sparse)
                if not self.work.sparse:
                    os.link(out, kept)
                    self.pairs.append(
                        (kept, f"{self.where}/{peer}/inbox/{me}/{name}"))

    def site(self, me, peer):
        d = f"{self.where}/{me}"
        os.makedirs(f"{d}/outbox/{peer}")
        flow = "xonxoff" if self.work.xonxoff else "none"
        tty = self.where + ("/tty_a" if me == "ann" else "/tty_b")
        with open(d + "/dialsync.conf", "w") as f:
            # the cable is faster than the line, as with a modem
            speed = 4000000 if self.work.unlimited else 1000000
            f.write(f"[site]\nname = {me}\ndatabase = x.db\n\n"
                    f"[line cable]\ndevice = {tty}\nmodem = no\n"
                    f"speed = {speed}\nflow = {flow}\n\n[peer {peer}]\n"
                    f"line = cable\nsecurity = {self.security}\n")
        self.know_line(d)

    def know_line(self, d):
        """What the last call on this line showed, as the dialer writes it:
        sites that exchange call more than once.  BENCH_FIRST=1: it is the
        first call, and the line's rate must be found out."""
        if self.work.unlimited or os.environ.get("BENCH_FIRST"):
            return
        os.makedirs(d + "/status")
        with open(d + "/status/line.cable", "w") as f:
            f.write(f"rate: {self.work.bps / 10:.1f}\n"
                    f"errors: {8 * float(self.work.ber) + 4e-7:.3g}\n")

    def share_key(self):
        """Both sides get a key that a third site made: these two have no
        database."""
        if self.security == "none":
            return
        maker = self.where + "/maker"
        os.makedirs(maker)
        sqlite3.connect(maker + "/x.db").execute("CREATE TABLE t (a)")
        for words in (["init", "ann", "--database", maker + "/x.db"],
                      ["peer", "hub", "--new-key"]):
            r = subprocess.run([self.build + "/dialsync", "-C", maker,
                                *words], env=self.env, capture_output=True)
            if r.returncode != 0:
                raise Failed(f"dialsync {words[0]}: " +
                             r.stderr.decode(errors="replace").strip()[:200])
        for me, peer in self.sites:
            os.makedirs(f"{self.where}/{me}/keys", mode=0o700)
            shutil.copy(maker + "/keys/hub.key",
                        f"{self.where}/{me}/keys/{peer}.key")

    def dialer(self, *words):
        return self.spawn([self.build + "/dialsync-dialer", *words],
                          env=self.env)

    def exchange(self, line):
        answer = self.dialer("answer", "-C", self.where + "/hub", "cable",
                             "--no-pack", *([] if self.work.cut else
                                            ["--once"]))
        status = self.where + "/hub/status/dialer.cable"
        wait_for(lambda: os.path.exists(status) and "listening" in
                 open(status).read(), 10, "the answerer", answer)
        self.began = None   # the answerer waited already
        call, calls = self.call(line, answer)
        if self.work.cut:
            wait_for(lambda: answer.watch.when(SAFE), 20, "the answerer's end",
                     answer)
            os.kill(answer.pid, signal.SIGTERM)
            self.wait(answer, seconds=20)
        stats = line.end()
        return self.result(line, call, answer, calls, stats)

    def call(self, line, answer):
        for calls in range(1, 4):
            call = self.dialer("call", "-C", self.where + "/ann", "hub",
                               "--no-pack")
            peak = Peak([call.pid, answer.pid])
            if self.work.cut:
                self.wait(call)
            else:
                self.wait(call, answer)
            self.rss = peak.total()
            if call.returncode == 0:
                return call, calls
            if call.returncode != 75 or not self.work.cut:
                raise Failed(f"dialsync call: exit {call.returncode}: "
                             f"{call.watch.tail()} / {answer.watch.tail()}")
            wait_for(lambda: os.path.exists(line.a), 5, "the line's end")
            time.sleep(0.5)  # the answerer opens the new pty
        raise Failed("dialsync call: not done after 3 calls")

    def result(self, line, call, answer, calls, stats):
        self.check(self.pairs)
        safe = [p.watch.when(SAFE) for p in (call, answer)]
        if None in safe:
            raise Failed("not both sides said that they can hang up: " +
                         call.watch.tail() + " / " + answer.watch.tail())
        for me, peer in self.sites:
            left = [n for n in os.listdir(f"{self.where}/{me}/outbox/{peer}")
                    if n.endswith(".gz")]
            if left:
                raise Failed(f"{len(left)} bundles are left in {me}'s outbox")
        start = first_byte(stats) if stats else self.began
        r = Result(max(safe) - start, max(call.ended, answer.ended) - start,
                   cpu=[call.cpu, answer.cpu], rss=self.rss, calls=calls)
        if stats:
            times(r, stats, self.work, max(safe))
        return r


PROGRAMS = {"ours": Ours, "sz": Sz, "uucp": Uucp, "uucp4k": Uucp4k}
