#!/usr/bin/env python3
"""Give a workload the clocks and origins that its .jsonl tells (v, s).

usage: history.py clocks DB JSONL    before the fold: dialsync_log.w
       history.py origins DB JSONL   after it: dialsync_frag.o, twelve sites

The workloads are replayed in a second and by one site; in life they were a
day's or a month's work of one or of twelve.  Clocks are put into the log,
where triggers would have put them.  Origins are put into the fragments, as if
they had been applied from twelve peers and were now being passed on."""
import json
import random
import sqlite3
import sys

what, db, jsonl = sys.argv[1:]
rows = [json.loads(line) for line in open(jsonl, encoding='utf8')]
c = sqlite3.connect(db)
with c:
    if what == 'clocks':
        seqs = [s for s, in c.execute('SELECT seq FROM dialsync_log ORDER BY seq')]
        if len(seqs) != len(rows):
            sys.exit(f'{db}: {len(seqs)} log entries, {len(rows)} changes')
        # a change a line, in log order; C5's order differs, its clocks do not
        c.executemany('UPDATE dialsync_log SET w = ? WHERE seq = ?',
                      [(r['v'] // 1000, s) for r, s in zip(rows, seqs)])
    else:
        rnd = random.Random(20261122)
        tables = dict(c.execute('SELECT name, t FROM dialsync_table'))
        origin = {}
        for s in range(1, 13):
            last = max(r['v'] // 1000 for r in rows if r['s'] == s)
            cur = c.execute('INSERT INTO dialsync_origin(site, inc, known)'
                            ' VALUES(?, ?, ?)',
                            (f'site{s:02d}', rnd.getrandbits(42) | 1, last))
            origin[s] = cur.lastrowid
        n = c.executemany('UPDATE dialsync_frag SET o = ? WHERE t = ? AND k = ?',
                          [(origin[r['s']], tables[r['t']], r['k']) for r in rows]).rowcount
        if n != len(rows):
            sys.exit(f'{db}: {n} fragments, {len(rows)} changes')
c.close()
