#!/usr/bin/env python3
"""An executable model of what doc/MERGE.md and doc/STORE.md say: capture and fold,
bundles and their numbers, knowledge, merge, values held by a unique column,
copies, and databases put back from backups, on random histories.

    model.py [--seeds FIRST:LAST] [--with WORD,WORD...] [--without RULE,RULE...]

Each seed makes one history.  When it is over everything is packed, carried and
applied until nobody says more; then must hold:

    equal    all sites have the same registers, tables and held values
    silent   nobody has anything more to say
    kept     no value is gone, unless someone who knew it overwrote it, a conflict
             record has it, or no database and no bundle had it any more
    echo     nothing was sent to the site that gave it (no restores)
    false    no conflict about a value that the winner knew (no restores)

Words for --with: what may happen besides edits, packing, carrying, applying.
Words for --without: the rules, see RULES; a model without one of them shows what
it is for.  --script prints a history for tests/history.c instead.
"""
import argparse
import collections
import random
import sys
import time

WORDS = {
    'lossy': 'bundles are lost or come twice',
    'clock': "a site's clock jumps by up to half a day",
    'unique': 'one column is UNIQUE: values are held',
    'kill': 'packers and appliers are killed',
    'restore': "a site's database is put back from a backup",
    'multi': 'not only once, and at several sites',
    'image': '... with the state file beside it, as in an image of a disk',
    'copy': 'sites are copied, by `copy` and by `init --copy`',
    'double': 'a database is copied without a word, and both are used',
    'long': 'longer histories with more sites',
}
RULES = {
    'state': 'the state file moves with every apply too, and must be there',
    'limit': 'beyond the last shared clock an ended incarnation is known by nobody',
    'limited': 'an incarnation that somebody says to have ended has',
    'tie': 'of two values with one version the greater one wins everywhere',
    'ackall': 'every bundle says which of the receiver\'s tags its sender has',
    'alarm': 'a held bundle is told with the tag that it went on from',
    'hello': 'after a boot all peers are asked',
    'less': 'who acknowledges less than before has lost it: sent again',
    'behind': 'who says less than it said before is told what is known of it',
    'lower': 'a wish for a resend never raises what the peer is thought to know',
    'tagall': 'tags of bundles that were only merged are told as well',
    'unknown': 'who is called by an incarnation that it never had begins another',
    'holdlimit': 'who holds a bundle knows where its sender has two pasts',
    'holdmerge': '... and merges it',
    'jump': 'a new incarnation does not use numbers again that may wait somewhere',
    'wish': 'a resend that is under way is not begun again by an older wish',
    'whole': 'a bundle does not end between changes of one second',
    'giveback': 'what came from a lost state goes back even where it says known',
    'register': 'a new incarnation is noted whatever the bundle was made for',
    'wallack': 'acknowledgements are ordered by the wall clock, too',
    'keepseen': 'tags of ended incarnations stay',
    'high': 'clocks of a log never fall, overwritten entries counted',
    'exactview': 'a new incarnation is viewed with what it says',
    'told': 'a bundle tells the wall clock where that is far past the own one',
    'birth': 'a birth takes every older register of its row, carried or not',
    'passbirth': "in the fold a birth passes its row's clocks, and an edit the birth's",
}

BASE = (0, '', 0)
NEVER = 1 << 62
FAR = 86400
TICKS = (0, 0, 0, 1, 1, 5, 60, 3600)


def covers(known, ver):
    return ver == BASE or known.get(ver[1:], -1) >= ver[0]


class Peer:
    """One row of dialsync_peer, and the tables that hang on it."""
    __slots__ = ('number', 'mark', 'tag', 'full', 'acked', 'inc', 'pos',
                 'postag', 'posnum', 'back', 'want', 'tell', 'told_pos',
                 'acknum', 'ackwall', 'sent', 'seen', 'ended', 'view', 'told',
                 'ltold', 'lost', 'alarm', 'unanswered',
                 'made', 'wish')

    def __init__(p):
        p.number = p.mark = p.acked = p.pos = p.posnum = p.back = 0
        p.inc = p.acknum = p.unanswered = 0
        p.ackwall = -NEVER
        p.tag = p.postag = None
        p.full, p.want, p.tell, p.told_pos = True, 0, False, -1
        p.wish = (-1, 0, 0)   # the last one granted: from where, when
        p.sent = {}      # upto -> (tag, own clock then)
        p.made = {}      # tag -> own clock, of incarnations before
        p.seen = {}      # tag -> (upto, its clock, our seq then), in order
        p.ended = set()
        p.view = {}      # what it is known to know
        p.told = {}      # what it was told that we know
        p.ltold = {}     # ... and where incarnations end
        p.lost = None    # what it gave us past here it may have lost
        p.alarm = None   # tag that a held bundle went on from

    def copy(p):
        c = Peer.__new__(Peer)
        for a in Peer.__slots__:
            v = getattr(p, a)
            setattr(c, a, v.copy() if isinstance(v, (dict, set)) else v)
        return c


class Database:
    """Everything that a backup holds."""
    def __init__(d):
        d.inc = d.seq = d.last = d.packed = 0
        d.step, d.memo = 1, None
        d.regs = {}      # (key, field) -> (value, version, seq)
        d.giver = {}     # seq -> origin that it came from
        d.known = {}     # origin -> clock
        d.limit = {}     # origin -> clock beyond which it is disputed
        d.log = []       # (key, mask or 'D', wall, write ids)
        d.table = {}     # key -> {field: value}
        d.held = set()   # keys whose unique value is held
        d.recs = {}      # conflict record -> the row that lost, if known
        d.kinds = {}     # conflict record -> its kind
        d.away = {}      # key -> a row that was edited here, taken by a death
        d.peers = {}
        d.mine = set()   # own incarnations that ended
        d.tries = (0, 0) # times that a peer knew another self; the last
        d.seen = {}      # key -> write ids that this database accounts for

    def copy(d):
        c = Database.__new__(Database)
        c.__dict__.update(d.__dict__)
        for a in ('regs', 'giver', 'known', 'limit', 'held', 'recs', 'kinds',
                  'away', 'mine'):
            setattr(c, a, getattr(d, a).copy())
        c.log = list(d.log)
        c.table = {k: dict(r) for k, r in d.table.items()}
        c.peers = {q: p.copy() for q, p in d.peers.items()}
        c.seen = {k: set(x) for k, x in d.seen.items()}
        return c


class Bundle:
    pass


class Site:
    def __init__(s, w, name, off):
        s.w, s.name, s.off = w, name, off
        s.inbox = collections.defaultdict(dict)   # peer -> number -> bundle
        s.stuck = {}                              # peer -> committed, not yet out
        s.d = Database()
        s.d.inc = w.new_inc()
        s.state = (1, None)
        s.boot = s.state_boot = 0
        s.snaps = []
        s.got = set()                             # (peer, register, version)
        s.held_bundles = []
        s.gone = False

    def me(s):
        return (s.name, s.d.inc)

    def wall(s):
        return s.w.t + s.off

    # ---- applications: plain SQL, captured by triggers

    def write(s, k, f, content):
        w, seen = s.w, s.d.seen.setdefault(k, set())
        w.ids += 1
        known = set(seen)
        if f == 'u' and k in s.d.held:   # the user saw NULL, not the held value
            known.discard(s.d.regs[k, 'u'][0][1])
        w.writes[w.ids] = (k, f, content, s.name)
        w.anc[w.ids] = known
        seen.add(w.ids)
        return (content, w.ids)

    def edit(s):
        w, d, r = s.w, s.d, s.w.r
        k, x = r.randrange(w.nkeys), r.random()
        row = d.table.get(k)
        u = r.choice((None, 'p', 'q', 'r')) if 'u' in w.F else None
        if u is not None and any(v['u'][0] == u for j, v in d.table.items()
                                 if j != k):
            u = None
        fresh = lambda f: u if f == 'u' else s.new_value()
        if row is None or x < .08:
            if row is not None:          # REPLACE, on a key: no delete trigger
                u = row['u'][0] if 'u' in w.F else None
            new = {'*': s.write(k, '*', 'B')}
            for f in w.F:
                new[f] = s.write(k, f, fresh(f))
            d.table[k] = new
            d.log.append((k, ('*',) + w.F, s.wall(), None))
            return 'INSERT OR REPLACE INTO t VALUES(%d, %s)' % (
                k, ', '.join(sql(new[f][0]) for f in w.F))
        if x < .2:
            dead = s.write(k, '*', 'D')
            del d.table[k]
            d.log.append((k, 'D', s.wall(), dead))
            return 'DELETE FROM t WHERE k = %d' % k
        fs = [f for f in w.F if r.random() < .4] or ['a']
        sets, mask = [], []
        for f in fs:
            c = fresh(f)
            if row[f][0] != c:
                row[f] = s.write(k, f, c)
                mask.append(f)
                sets.append('%s = %s' % (f, sql(c)))
        if not mask:
            return None
        d.log.append((k, tuple(mask), s.wall(), None))
        return 'UPDATE t SET %s WHERE k = %d' % (', '.join(sets), k)

    def new_value(s):
        s.w.values += 1
        return s.w.values

    # ---- fold: log entries become fragments (src/capture/fold.c)

    def fold(s):
        d = s.d
        if not d.log:
            return
        log, d.log = d.log, []
        rows, high, me = {}, -NEVER, s.me()
        for order, (k, mask, wall, dead) in enumerate(log):
            high = max(high, wall) if 'high' in s.w.rules else wall
            r = rows.get(k)
            if r is None:
                r = rows[k] = dict(ev=[], died=False, dead=None)
            r['wall'], r['order'], r['high'] = wall, order, high
            if mask == 'D':
                r['died'], r['ev'], r['dead'] = True, [], dead
                continue
            for e in r['ev']:
                e['mask'] = e['mask'].difference(mask)
            if not r['ev'] or r['ev'][-1]['wall'] != wall:
                r['ev'].append(dict(wall=wall, mask=frozenset()))
            e = r['ev'][-1]
            e['order'], e['high'] = order, high
            e['mask'] = e['mask'].union(mask)
        stand = []
        for k, r in rows.items():
            if isinstance(k, tuple):
                # its birth leaves open what is not known of it here
                fields, exists, dead = ('*', 'row'), True, False
                for e in r['ev']:
                    if '*' in e['mask'] and d.recs[k] is None:
                        e['mask'] = e['mask'] - {'row'}
            else:
                fields = ('*',) + s.w.F
                exists = k in d.table
                life = d.regs.get((k, '*'))
                dead = life is not None and life[0][0] == 'D'
            if not exists and dead:
                continue
            whole = dict(wall=r['wall'], order=r['order'], high=r['high'])
            if not exists:
                r['ev'] = [dict(whole, mask=frozenset('*'), death=True)]
            elif (r['died'] or dead) and not any(
                    '*' in e['mask'] for e in r['ev']):
                r['ev'] = [dict(whole, mask=frozenset(fields))]
            for e in r['ev']:
                if not e['mask']:
                    continue
                e['k'], e['least'] = k, 0
                over = e['mask']
                if e.get('death') or ('passbirth' in s.w.rules and '*' in over):
                    over = fields
                elif 'passbirth' in s.w.rules:
                    over = over.union('*')
                for f in over:
                    old = d.regs.get((k, f))
                    if old and old[1] != BASE:
                        e['least'] = max(e['least'], old[1][0] + 1)
                stand.append(e)
        stand.sort(key=lambda e: e['order'])
        for e in stand:
            e['clock'] = d.last = max(e['high'], e['least'], d.packed + 1, d.last)
        stand.sort(key=lambda e: (e['clock'], not isinstance(e['k'], tuple),
                                  e['order']))
        for e in stand:
            k = e['k']
            d.seq += 1
            e['seq'] = d.seq
        for e in stand:
            k, ver, seq = e['k'], (e['clock'],) + me, e['seq']
            if isinstance(k, tuple):
                for f in e['mask']:
                    v = (d.recs[k] if f == 'row' else d.kinds[k], 0)
                    d.regs[k, f] = (v, ver, seq)
                continue
            if e.get('death'):
                if k in d.held:
                    s.conflict(k, 'u', d.regs[k, 'u'], kind='death')
                    d.held.discard(k)
                for f in s.w.F:
                    d.regs.pop((k, f), None)
                d.regs[k, '*'] = (rows[k]['dead'], ver, seq)
                continue
            for f in e['mask']:
                if f == 'u' and k in d.held:
                    s.conflict(k, f, d.regs[k, f])
                    d.held.discard(k)
                d.regs[k, f] = (d.table[k][f], ver, seq)
        d.known[me] = max(d.known.get(me, -1), d.last)

    def conflict(s, k, f, loser, winner=None, row=None, kind='edit'):
        """A record is a row that syncs; the next fold gives it its version.  The
        row that lost may come to be known later (src/store/conflict.c)."""
        w, d = s.w, s.d
        if winner and loser[0][1] in w.anc.get(winner[0][1], ()):
            w.false.append((s.name, k, f, loser, winner))
            w.say('FALSE', s.name, k, f, loser, winner)
        key = ('!', k, f, loser[1], loser[0][0])
        d.seen.setdefault(k, set()).add(loser[0][1])
        if key not in d.recs:
            d.recs[key], d.kinds[key] = row, kind
            d.log.append((key, ('*', 'row'), s.wall(), None))
        else:
            s.complete(key, row)

    def complete(s, key, row):
        d = s.d
        if row and d.recs[key] is None:
            d.recs[key] = row
            d.log.append((key, ('row',), s.wall(), None))

    def complete_own(s):
        """Rows that this site edited, and that deaths of this bundle, or of those
        before it, took: who met the edits after the deaths did not know them."""
        d = s.d
        for key in [x for x in d.recs if d.kinds[x] == 'death' and
                    x[3][1] == s.name and x[1] in d.away]:
            s.complete(key, d.away[key[1]])
        d.away = {}

    def conflict_birth(s, k, new, old, row, fields):
        w = s.w
        lose, best = (new, old) if new[1] < old[1] else (old, new)
        d = s.d
        d.seen.setdefault(k, set()).update(x[0][1] for x, _ in fields)
        if all(x[0][1] in w.anc.get(y[0][1], ()) for x, y in fields):
            w.false.append((s.name, k, '*', lose, best))
        s.conflict(k, '*', lose, None,
                   row if lose is new else s.row_here(k), 'birth')

    def row_here(s, k):
        """The row as it is, of a record."""
        d = s.d
        if (k, '*') not in d.regs or d.regs[k, '*'][0][0] != 'B':
            return None
        return tuple((f, d.regs[k, f][0][0] if (k, f) in d.regs else None)
                     for f in s.w.F)

    # ---- restored backups (src/capture/renew.c)

    def note(s):
        """Something was committed that others may hear of."""
        s.d.step += 1
        s.d.memo = s.w.r.getrandbits(60)

    def write_state(s):
        s.state, s.state_boot = (s.d.step, s.d.memo), s.boot

    def check_state(s):
        d, rules = s.d, s.w.rules
        if s.state is None:
            back = 'state' in rules
        else:
            back = s.state[0] > d.step or (s.state[0] == d.step
                                           and s.state[1] != d.memo)
        if back:
            # before anything is folded: all that is here is shared
            s.renew(max(d.packed, d.last - 1))
            d.step = max(d.step, s.state[0] + 1 if s.state else 0)
            s.write_state()
        elif s.boot != s.state_boot:
            if 'hello' in rules:
                for p in d.peers.values():
                    if p.inc:
                        p.tell = p.full = True
            s.write_state()

    def renew(s, shared):
        """Go on as a new incarnation; the old one ends at that clock."""
        d, old = s.d, s.me()
        s.w.say('RENEW', s.name, old, shared)
        d.mine.add(d.inc)
        d.inc = s.w.new_inc()
        d.last = max(d.last, d.packed) + 1
        s.learn(old, shared)
        d.known[old] = min(d.known.get(old, -1), shared)
        d.known[s.me()] = d.last
        for p in d.peers.values():
            p.mark = p.acked = 0
            if 'jump' in s.w.rules:
                p.number += 10000         # past those that were lost
            p.tag, p.full, p.told_pos, p.tell = None, True, -1, True
            p.made.update(p.sent.values())
            p.sent, p.told, p.ltold = {}, {}, {}
        s.note()

    def learn(s, o, clock):
        """Beyond that clock the origin has several pasts: what is here of them
        is offered to everybody, and nobody counts as knowing it."""
        d = s.d
        if 'limit' not in s.w.rules or d.limit.get(o, NEVER) <= clock:
            return
        s.w.say('LIMIT', s.name, o, clock)
        d.limit[o] = clock
        if d.known.get(o, -1) > clock:
            d.known[o] = clock
        for p in d.peers.values():
            if p.view.get(o, -1) > clock:
                p.view[o] = clock
            if p.told.get(o, -1) > clock:
                del p.told[o]
        again = collections.defaultdict(list)
        for r, x in d.regs.items():
            if x[1][1:] == o and x[1][0] > clock:
                again[x[2]].append(r)
        for seq in sorted(again):
            d.seq += 1
            for r in again[seq]:
                d.regs[r] = d.regs[r][:2] + (d.seq,)

    def know(s, o, clock):
        d = s.d
        clock = min(clock, d.limit.get(o, NEVER))
        if clock > d.known.get(o, -1):
            d.known[o] = clock

    # ---- packer (src/pack)

    def lacks(s, q, p, ver, seq):
        if ver == BASE:
            return False
        giver = s.d.giver.get(seq)
        if p.lost is not None and giver and giver[0] == q and \
                giver[1] in p.ended and p.lost < seq <= p.back:
            return True
        if covers(p.view, ver):
            return False
        return not (giver == (q, p.inc) and seq > p.back)

    def pack(s, q, flush, size, kill=None):
        w, d = s.w, s.d
        s.check_state()
        p = d.peers[q]
        out = s.stuck.pop(q, [])          # a killed packer's, committed
        s.fold()
        if kill == 'before':
            d.packed = max(d.packed, d.last)
            return s.publish(q, out)
        while True:
            b = s.one_bundle(q, p, flush, size)
            if not b:
                break
            out.append(b)
            if kill == 'after':
                s.stuck[q] = [b]
                return s.publish(q, out[:-1])
            if not b.regs:
                break
        return s.publish(q, out)

    def publish(s, q, out):
        for b in out:
            s.w.made += 1
            b.id = s.w.made
        s.w.chan[s.name, q] += out
        return out

    def one_bundle(s, q, p, flush, size):
        w, d, me = s.w, s.d, s.me()
        frags = collections.defaultdict(list)
        for r, (v, ver, seq) in d.regs.items():
            if seq > p.mark and s.lacks(q, p, ver, seq):
                frags[seq].append((r, v, ver))
        todo = sorted(frags)
        told = max(d.packed, d.last)
        if 'told' in w.rules and s.wall() > told + FAR:
            told = d.packed = s.wall()    # though nothing may come of it
        n = min(size, len(todo))
        while 'whole' in w.rules and 0 < n < len(todo) and \
                frags[todo[n]][0][2] == frags[todo[n - 1]][0][2]:
            n += 1                        # the second goes as a whole
        take = todo[:n]
        if take and len(take) == len(todo) and not flush and not p.tell:
            return None                   # not full yet
        if not take and not p.tell:
            return None
        d.packed = told
        known = dict(d.known)
        known[me] = d.packed
        b = Bundle()
        b.f, b.to, b.inc, b.rinc = s.name, q, d.inc, p.inc
        p.number += 1
        b.n, b.after, b.prev = p.number, p.mark, p.tag
        b.end = bool(take) and len(take) == len(todo)
        b.upto = (d.seq if b.end else take[-1]) if take else p.mark
        b.wall, b.clock, b.full = s.wall(), d.packed, p.full
        b.know = {o: c for o, c in known.items()
                  if p.full or p.told.get(o, -1) != c}
        b.limits = {o: c for o, c in d.limit.items()
                    if p.full or p.ltold.get(o) != c}
        b.adopt = {}
        if not b.end:
            b.adopt = dict(known)
            for x in todo[n:]:
                for _, _, ver in frags[x]:
                    o = ver[1:]
                    b.adopt[o] = min(b.adopt.get(o, -1), ver[0] - 1)
        b.tag = None
        if take:
            b.tag = p.sent[b.upto][0] if b.upto in p.sent else \
                w.r.getrandbits(60)
        b.chain = {u: t for u, (t, _) in p.sent.items() if u >= p.mark}
        b.oldtags = ()
        b.ack, b.acktags, b.want, b.alarm = None, (), 0, None
        if p.inc and ('ackall' in w.rules or p.told_pos != p.pos or p.want
                      or p.full):
            b.ack = (p.inc, p.pos, p.postag)
            newest = [t for t in p.seen if p.seen[t][3] == p.inc][:-41:-1]
            b.acktags = [newest[i] for i in (0, 1, 2, 4, 8, 16, 32)
                         if i < len(newest)]
            if p.full:
                newest = [t for t in p.seen if p.seen[t][3] != p.inc][:-41:-1]
                b.oldtags = [newest[i] for i in (0, 1, 2, 4, 8, 16, 32)
                             if i < len(newest)]
            b.want, b.alarm = p.want, p.alarm
            p.alarm = None
        b.frags = [frags[seq] for seq in take]
        b.regs = [x for seq in take for x in frags[seq]]
        for r, v, ver in b.regs:
            if (q, r, ver) in s.got and ver not in w.unsure:
                w.echo += 1
                w.say('ECHO', s.name, q, r, ver)
        w.bundles += 1
        w.sent += len(b.regs)
        w.say('pack', s.name, q, {x: getattr(b, x) for x in (
            'inc', 'rinc', 'n', 'after', 'upto', 'end', 'know', 'limits', 'ack',
            'want', 'regs')})
        if take:
            p.mark, p.tag = b.upto, b.tag
            p.sent[b.upto] = (b.tag, b.clock)
        if b.end:
            p.told.update(b.know)
            p.ltold.update(b.limits)
            p.full = False
        if b.ack:
            p.told_pos = b.ack[1]
        p.tell, p.unanswered = False, 0
        s.note()
        s.write_state()
        return b

    # ---- applier (src/apply)

    def apply(s, kill=False):
        s.check_state()
        some = False
        for q in sorted(s.d.peers):
            box = s.inbox[q]
            more = True
            while more:
                done = waiting = 0
                for n in sorted(box):
                    how = s.receive(q, box[n])
                    some = True
                    if how == 'gap':
                        waiting += 1
                        continue
                    done += 1
                    if kill:              # committed, its file still there
                        s.place()
                        return
                    del box[n]
                more = done and waiting
        if some:
            s.place()
            s.write_state()

    def went_back(s, q, b, limit=NEVER):
        """The peer knows more of us than we do."""
        p = s.d.peers[q]
        mine = dict(p.made)
        mine.update(p.sent.values())
        clocks = [mine[t] for t in (*b.acktags, *b.oldtags) if t in mine]
        if b.alarm is not None and b.alarm[1] not in mine:
            clocks = [mine.get(b.alarm[0], -1)]
        shared = min(max(clocks, default=-1), limit)
        s.renew(shared)

    def other_self(s):
        """A peer that we know knows us as another (src/apply/twins.c).  What was
        shared for certain is what was acknowledged."""
        d, now = s.d, s.wall()
        tries, last = d.tries
        wait = (0, 1, 2, 4, 7)[min(tries, 4)] * 86400
        if tries and last - 86400 <= now < last + wait:
            return
        d.tries = (tries + 1, now)
        s.renew(max((c for p in d.peers.values()
                     for upto, (_, c) in p.sent.items() if upto <= p.acked),
                    default=-1))

    def ack_known(s, p, b):
        if not b.ack or b.ack[0] != s.d.inc:
            return True
        mine = {t for t, _ in p.sent.values()} | p.made.keys()
        if b.alarm is not None and b.alarm[1] not in mine:
            return False
        if 'tagall' in s.w.rules and not mine.issuperset(b.acktags):
            return False
        _, upto, tag = b.ack
        if upto == 0 or upto < p.acked:
            return True
        return upto in p.sent and p.sent[upto][0] == tag

    def new_incarnation(s, q, p, b):
        d, rules = s.d, s.w.rules
        first = p.inc == 0
        if not first:
            p.ended.add(p.inc)
            p.wish = (-1, 0, 0)
        p.inc, p.pos, p.postag, p.told_pos, p.acknum = b.inc, 0, None, -1, 0
        p.ackwall = -NEVER
        old = [o for o in b.limits if o[0] == q]
        if first and not old:             # what was sent is still on its way
            return
        if 'giveback' in rules:
            lost = d.seq
            for o in old:
                for upto, clock, seq, inc in p.seen.values():
                    if clock > b.limits[o]:
                        lost = min(lost, seq)
            p.lost = lost if p.lost is None else min(p.lost, lost)
        p.acked, p.back, p.full, p.mark, p.tag = 0, d.seq, True, 0, None
        if b.ack and b.ack[0] == d.inc:
            p.mark, p.tag = b.ack[1], b.ack[2]
        p.view, p.told, p.ltold = {}, {}, {}
        if 'keepseen' not in rules:
            p.seen = {}

    def take_ack(s, p, b, knows):
        rules = s.w.rules
        if b.n <= p.acknum and ('wallack' not in rules or b.wall <= p.ackwall):
            return
        p.acknum, p.ackwall = max(b.n, p.acknum), max(b.wall, p.ackwall)
        if not b.ack or b.ack[0] != s.d.inc:
            return
        less = 'less' in rules and b.ack[1] < p.acked
        p.acked = b.ack[1] if less else max(p.acked, b.ack[1])
        if b.ack[1] >= p.mark or not less and (not b.want or
                                               s.granted(p, b)):
            return
        p.wish = (b.ack[1], p.number + 1, s.wall())
        p.mark, p.tag, p.back, p.full = b.ack[1], b.ack[2], s.d.seq, True
        p.told_pos, p.told, p.ltold = -1, {}, {}
        if 'lower' in rules:
            for o in list(p.view):
                p.view[o] = min(p.view[o], knows.get(o, -1))
        else:
            p.view = dict(knows)

    def ask(s, p, number, again):
        """number: of the bundle that shows that something is missing."""
        if not p.want or again:
            p.tell = True
        p.want = max(p.want, number, 1)

    def granted(s, p, b):
        """Was a resend from there begun already, and has the peer seen nothing of
        it when it asked?"""
        return 'wish' in s.w.rules and p.wish[0] == b.ack[1] and \
            b.want < p.wish[1] and 0 <= s.wall() - p.wish[2] < 86400

    def chain_has(s, p, b):
        if p.pos in b.chain:
            return b.chain[p.pos] == p.postag
        return p.pos == b.after and b.prev == p.postag

    def receive(s, q, b):
        w, d, rules = s.w, s.d, s.w.rules
        s.fold()
        p = d.peers[q]
        me = s.me()
        if not s.ack_known(p, b):
            s.went_back(q, b, b.limits.get(me, NEVER))
        elif me in b.limits and b.limits[me] < d.limit.get(me, NEVER):
            s.went_back(q, b, b.limits[me])
        ended = b.inc in p.ended and b.inc != p.inc or \
            'limited' in rules and (q, b.inc) in d.limit
        if 'unknown' in rules and b.rinc and b.inc == p.inc and not ended \
                and b.rinc != d.inc and b.rinc not in d.mine:
            s.other_self()
        fresh = b.inc != p.inc
        if fresh and not ended and 'register' in rules:
            s.new_incarnation(q, p, b)
            fresh, pos = 'new', 0
        for o, c in b.limits.items():
            s.learn(o, c)
        pos = 0 if fresh else p.pos
        first = b.n > p.acknum
        how = 'apply'
        if ended or (b.rinc and b.rinc != d.inc):
            how = 'merge'
        elif b.after > pos:
            how = 'gap'
        elif fresh:
            how = 'new'
        elif b.upto <= pos and (b.after == b.upto or b.tag in p.seen
                                or s.chain_has(p, b)):
            how = 'dup'
        elif b.upto <= pos or (pos > 0 and not s.chain_has(p, b)):
            w.say('HOLD', s.name, q, b.n)
            s.held_bundles.append(b)
            if p.inc:
                p.told_pos, p.tell = -1, True
                if 'alarm' in rules:
                    p.alarm = (b.prev, b.tag)
                if 'holdlimit' in rules:
                    shared = p.seen.get(b.prev)
                    s.learn((q, b.inc), shared[1] if shared else -1)
                if 'holdmerge' in rules:
                    s.held_bundles.pop()
                    how = 'merge'
            if how != 'merge':
                s.note()
                return 'hold'
        if fresh is True and how in ('new', 'gap'):
            s.new_incarnation(q, p, b)
        knows = {} if b.full or how == 'merge' else dict(p.view)
        knows.update(b.know)
        for o, c in knows.items():
            if c > d.limit.get(o, NEVER):
                knows[o] = d.limit[o]
        if how != 'merge':
            s.take_ack(p, b, knows)
        w.say('apply', s.name, q, b.n, how, 'KS', knows, 'K', d.known)
        if how == 'gap':
            if b.after == b.upto:
                how = 'dup'
            s.ask(p, b.n, first)
            return how
        if how == 'dup':
            if 'behind' in rules and first and b.upto < p.pos:
                p.told_pos, p.tell = -1, True
            return how
        s.merge(b, q, knows)
        if how == 'merge':
            if b.upto > b.after or not ended:
                s.ask(p, b.n, first and not ended)
            if 'tagall' in rules and b.tag is not None:
                p.seen[b.tag] = (0, b.clock, d.seq, b.inc)
            p.acknum = max(p.acknum, b.n) if not ended else p.acknum
        else:
            for o, c in knows.items():
                p.view[o] = c
                if b.end and o != s.me():
                    s.know(o, c)
            if not b.end:
                for o, c in b.adopt.items():
                    s.know(o, c)
            p.pos, p.postag, p.posnum, p.want = b.upto, b.tag, b.n, 0
            if b.after == b.upto:
                p.postag = b.prev
            p.unanswered += 1
            if p.unanswered >= 64:
                p.tell = True
            for u, t in b.chain.items():
                if u < b.upto and t and t not in p.seen:
                    p.seen[t] = (u, b.clock, d.seq, b.inc)
            if b.tag is not None:
                p.seen[b.tag] = (b.upto, b.clock, d.seq, b.inc)
        s.note()
        return how

    def merge(s, b, q, KS):
        w, d = s.w, s.d
        late, origin = [], (q, b.inc)
        # as they stand in the file: deaths, edits, births; table by table
        tables = list(dict.fromkeys(isinstance(x[0][0], tuple)
                                    for x in b.regs))
        def place(frag):
            (k, _), v, _ = frag[0]
            life = [v[0] for (_, f), v, _ in frag if f == '*']
            return (0 if life == ['D'] else 1 + bool(life),
                    tables.index(isinstance(k, tuple)))
        for frag in sorted(b.frags, key=place):
            k, ver = frag[0][0][0], frag[0][2]
            fs = {f: v for (_, f), v, _ in frag}
            for f, v in fs.items():
                s.got.add((q, (k, f), ver))
                if v[1]:
                    seen = d.seen.setdefault(k, set())
                    seen.add(v[1])
                    seen |= w.anc[v[1]]
            won = s.merge_fragment(k, ver, fs, KS, late)
            if not won:
                continue
            d.seq += 1
            d.giver[d.seq] = origin
            for f in won:
                d.regs[k, f] = (fs[f], ver, d.seq)
            if isinstance(k, tuple):
                if '*' in won:
                    d.recs.setdefault(k)
                    d.kinds[k] = fs['*'][0]
                    if (k, 'row') in d.regs:
                        d.recs[k] = d.regs[k, 'row'][0][0]
                elif k in d.recs:
                    d.recs[k] = fs['row'][0]
                d.seen.setdefault(k[1], set())
        for k, f, lost, incoming, row in late:
            life = d.regs[k, '*']
            if life[0][0] == 'D' and not (incoming and covers(KS, life[1])):
                s.conflict(k, f, lost, life, row, 'death')
        if b.end:
            s.complete_own()

    def merge_fragment(s, k, ver, fs, KS, late):
        """-> the registers that it takes (src/apply/merge.c)"""
        w, d = s.w, s.d
        known = covers(d.known, ver)
        tie = 'tie' in w.rules
        life = d.regs.get((k, '*'))
        if isinstance(k, tuple):
            return [f for f in fs if (k, f) not in d.regs or
                    ver > d.regs[k, f][1]]
        kind = fs['*'][0] if '*' in fs else ''
        row = tuple((f, v[0]) for f, v in fs.items() if f != '*')
        if kind == 'D':
            if life and (ver < life[1] or (ver == life[1] and (
                    life[0][0] == 'D' or not tie))):
                if ver < life[1] and life[0][0] == 'B' and \
                        not covers(KS, life[1]) and not known:
                    s.conflict(k, '*', (fs['*'], ver), life, None, 'life')
                return []
            row = s.row_here(k)
            if row and any(d.regs[k, f][1][1] == s.name for f in ('*',) + w.F
                           if (k, f) in d.regs):
                d.away[k] = row
            for f in w.F:
                old = d.regs.get((k, f))
                if not old:
                    continue
                if not covers(KS, old[1]):
                    late.append((k, f, old, False, row))
                if old[1] < ver or (tie and old[1] == ver):
                    del d.regs[k, f]
            return ['*']
        if life and life[0][0] == 'D' and not (kind == 'B' and ver > life[1]):
            if ver > life[1] or not known:
                for f, v in fs.items():
                    if f != '*':
                        late.append((k, f, (v, ver), True, None))
            if kind == 'B' and ver < life[1] and not known and \
                    not covers(KS, life[1]):
                s.conflict(k, '*', (fs['*'], ver), life, row, 'life')
            if ver <= life[1]:
                return []
        won, births = [], []
        s.gone = []
        for f, v in fs.items():
            old = d.regs.get((k, f))
            if not old:
                won.append(f)
                continue
            same = old[0][0] == v[0]
            win = ver > old[1]
            if ver == old[1]:
                if same:
                    continue
                if not tie:
                    w.bad.append('two-values %s %s' % ((k, f), ver))
                    continue
                win = order(v[0]) > order(old[0][0])
            if f != '*' and not same and not covers(KS, old[1]) and \
                    (win or not known or ver == old[1]):
                lose, best = (old, (v, ver)) if win else ((v, ver), old)
                if kind == 'B' and ver != old[1] and life and \
                        life[0][0] == 'B' and life[2] == old[2]:
                    births.append((lose, best))
                else:
                    s.conflict(k, f, lose, best)
            if win:
                won.append(f)
        if 'birth' in w.rules:
            s.merge_gone(k, ver, fs, KS, life, won, births)
        if births:                        # one key born twice: one record
            s.conflict_birth(k, (fs['*'], ver), life, row, births)
        for r in s.gone:
            del d.regs[r]
        return won

    def merge_gone(s, k, ver, fs, KS, life, won, births):
        """A birth takes the older registers that it does not carry, too: they go
        back to their default.  What comes and is older than the birth that has
        the row has lost to it."""
        d = s.d
        if life and life[0][0] == 'B' and life[1] != BASE and ver < life[1]:
            if not covers(KS, life[1]) and not covers(d.known, ver):
                for f in won:
                    s.clash_gone(k, f, (fs[f], ver), life, 'B' == fs.get(
                        '*', ' ')[0], births)
            del won[:]
        elif '*' in won:
            for f in s.w.F:
                old = d.regs.get((k, f))
                if f in fs or not old or old[1] == BASE or old[1] >= ver:
                    continue
                if not covers(KS, old[1]):
                    s.clash_gone(k, f, old, (fs['*'], ver), life and
                                 life[0][0] == 'B' and life[2] == old[2],
                                 births)
                s.gone.append((k, f))

    def clash_gone(s, k, f, lose, best, births_met, births):
        if lose[0][0] is None:
            return
        if births_met:
            births.append((lose, best))
        else:
            s.conflict(k, f, lose, best)

    def place(s):
        """Tables and held values are a function of the registers."""
        d, F = s.d, s.w.F
        rows, used = [], set()
        d.table, d.held = {}, set()
        for (k, f), (v, ver, _) in d.regs.items():
            if f == '*' and v[0] == 'B' and not isinstance(k, tuple):
                rows.append((max(ver, d.regs.get((k, 'u'), (0, BASE))[1]), k, v))
        for _, k, v in sorted(rows):
            row = {f: d.regs[k, f][0] if (k, f) in d.regs else (None, 0)
                   for f in F}
            row['*'] = v
            if 'u' in F and row['u'][0] is not None:
                if row['u'][0] in used:
                    row['u'] = (None, 0)
                    d.held.add(k)
                else:
                    used.add(row['u'][0])
            d.table[k] = row


def order(v):
    """Values as SQLite orders them: NULL, numbers, text."""
    return (0, 0) if v is None else (1, v) if isinstance(v, int) else (2, v)


def sql(v):
    return 'NULL' if v is None else str(v) if isinstance(v, int) else "'%s'" % v


class World:
    def __init__(w, seed, words=(), rules=tuple(RULES), trace=False):
        w.r = random.Random(seed)
        w.words, w.rules, w.trace = frozenset(words), frozenset(rules), trace
        w.t, w.ids, w.values, w.incs = 1800000000, 0, 0, 1000
        w.writes, w.anc = {}, {}
        w.chan = collections.defaultdict(list)
        w.sites, w.bad, w.false, w.gone = {}, [], [], set()
        w.snaps = 0
        w.echo = w.sent = w.bundles = 0
        w.restored = w.copied = False
        w.script, w.made = None, 0
        w.F = ('a', 'b', 'u') if 'unique' in w.words else ('a', 'b')

    def new_inc(w):
        w.incs += 1
        return w.incs

    def say(w, *a):
        if w.trace:
            print('   ', *a)

    def tell(w, *a):
        """A line of the script."""
        if w.script is not None:
            w.script.append(' '.join(map(str, a)))

    # ---- the stage

    def join(w, a, b):
        if a is not b:
            a.d.peers.setdefault(b.name, Peer())
            b.d.peers.setdefault(a.name, Peer())

    def make(w):
        r = w.r
        big = 'long' in w.words
        n = r.choice((2, 2, 3, 3, 4, 5, 6) if big else (2, 2, 3, 3, 4))
        w.nkeys = r.randint(1, 5 if big else 3)
        S = []
        for i in range(n):
            off = r.choice((0, 0, 1, -1, r.randint(-40000, 40000)))
            s = Site(w, 'ABCDEFGH'[i], off)
            w.sites[s.name] = s
            S.append(s)
        for k in range(w.nkeys // 2):     # rows there before `track`
            for s in S:
                for f in w.F:
                    s.d.regs[k, f] = ((None if f == 'u' else -k - 1, 0), BASE, 0)
                s.d.regs[k, '*'] = (('B', 0), BASE, 0)
                s.place()
        topo = r.choice(('star', 'chain', 'ring', 'random'))
        for i in range(1, n):
            w.join(S[i], S[0 if topo == 'star' else
                           r.randrange(i) if topo == 'random' else i - 1])
        if topo == 'ring' and n > 2:
            w.join(S[0], S[-1])
        if topo == 'random':
            for _ in range(n // 2):
                w.join(*r.sample(S, 2))
        w.size = r.choice((1, 2, 3, 50)) if w.script is None else NEVER
        for s in S:
            w.tell('site', s.name, s.off, s.d.inc, w.nkeys // 2,
                   ' '.join(sorted(s.d.peers)))

    # ---- what happens

    def deliver(w, key, chaos):
        c, to = w.chan[key], w.sites[key[1]]
        if chaos:
            r = w.r
            n = r.randint(1, len(c)) if c else 0
            pick = r.sample(range(len(c)), n)
        else:
            pick = range(len(c))
        took = set()
        for i in pick:
            b = c[i]
            box = to.inbox[key[0]]
            if box.get(b.n, b) is not b:
                continue                  # the dialer waits: a name is taken
            if b.n not in box:
                w.tell('deliver', b.id)
            box[b.n] = b
            took.add(i)
        keep, lost = [], False
        for i, b in enumerate(c):
            if i not in took:
                if chaos and 'lossy' in w.words and i < max(took, default=0) \
                        and w.r.random() < .15:
                    w.say('LOST', key, b.n)
                    lost = True
                    continue
                keep.append(b)
            elif chaos and 'lossy' in w.words and w.r.random() < .1:
                keep.append(b)            # comes once more
        w.chan[key] = keep
        if lost:
            w.forget_gone()

    def forget_gone(w):
        """After a restore: what no database and no bundle has is gone for ever;
        nobody can be blamed for it."""
        if not w.restored:
            return
        alive, recs, rows = set(), set(), set()
        flying = [b for c in w.chan.values() for b in c]
        for s in w.sites.values():
            flying += s.held_bundles
            for box in s.inbox.values():
                flying += box.values()
            for out in s.stuck.values():
                flying += out
            for row in s.d.table.values():
                alive.update(v[1] for v in row.values())
            for e in s.d.log:
                alive.add(e[3] and e[3][1])
            recs.update(s.d.recs)
            rows |= {(k[1],) + x for k, row in s.d.recs.items()
                     for x in row or ()}
            alive.update(v[0][1] for v in s.d.regs.values())
        for b in flying:
            for (k, f), v, _ in b.regs:
                alive.add(v[1])
                if isinstance(k, tuple):
                    recs.add(k)
                    if f == 'row':
                        rows |= {(k[1],) + x for x in v[0]}
        recs = {k[1:3] + k[4:] for k in recs} | rows
        for j in list(alive):
            if j in w.writes:
                f = w.writes[j][1]
                alive.update(i for i in w.anc[j]
                             if f == '*' or f == w.writes[i][1])
        alive.update(i for i, x in w.writes.items() if x[:3] in recs)
        w.gone = set(w.writes).difference(alive)

    def backup(w, s):
        w.snaps += 1
        w.tell('backup', s.name, w.snaps)
        s.snaps = s.snaps[-2:] + [(w.snaps, s.d.copy(), s.state, s.state_boot,
                                   {q: dict(x) for q, x in s.inbox.items()},
                                   {q: list(x) for q, x in s.stuck.items()})]

    def restore(w, s):
        r = w.r
        snap, db, state, boot, inbox, stuck = r.choice(s.snaps)
        how = r.choice(('image', 'kept', 'lost') if 'image' in w.words
                       else ('kept', 'lost'))
        w.say('RESTORE', s.name, how)
        w.tell('restore', s.name, snap, how)
        w.restored = True
        s.d = db.copy()
        for z in w.sites.values():        # dialsync.conf names them still
            if s.name in z.d.peers:
                s.d.peers.setdefault(z.name, Peer())
        s.boot += 1
        s.got = set()
        if how == 'image':
            s.state, s.state_boot = state, boot
            s.inbox = collections.defaultdict(
                dict, {q: dict(x) for q, x in inbox.items()})
            s.stuck = {q: list(x) for q, x in stuck.items()}
        else:
            s.stuck = {}                  # numbers that the database never had
            if how == 'lost':
                s.state = None
                s.inbox.clear()
                for key in w.chan:
                    if key[0] == s.name:
                        w.chan[key] = []
        w.forget_gone()

    def copy(w, s):
        name = 'ABCDEFGHIJ'[len(w.sites)]
        c = Site(w, name, s.off)
        w.copied = True
        own = s.me()
        if w.r.random() < .5:             # dialsync copy
            s.check_state()
            s.fold()
            s.d.packed = max(s.d.packed, s.d.last)
            tag, inc, d = w.r.getrandbits(60), c.d.inc, s.d
            p = d.peers[name] = Peer()
            p.mark = p.acked = p.pos = p.told_pos = d.seq
            p.tag = p.postag = tag
            p.inc, p.view = inc, dict(d.known)
            p.view[own] = d.last
            p.sent = {d.seq: (tag, d.last)}
            p.seen = {tag: (d.seq, d.last, d.seq, inc)}
            s.note()
            s.write_state()
            c.d = s.d.copy()
            c.d.known[own] = d.last
            q = Peer()
            q.mark = q.acked = q.pos = q.told_pos = d.seq
            q.tag = q.postag = tag
            q.inc, q.view = s.d.inc, dict(c.d.known)
            q.sent = dict(p.sent)
            q.seen = {tag: (d.seq, d.last, d.seq, s.d.inc)}
            c.d.peers = {s.name: q}
            w.say('COPY', s.name, name)
        else:                             # init --copy: finds a log
            w.t += 1
            c.d = s.d.copy()
            me, c.name, inc = c.name, s.name, c.d.inc
            c.d.peers = {}
            c.fold()
            c.name, new = me, w.new_inc()
            c.d.known[own] = max(c.d.packed, c.d.last - 1)
            w.unsure.add((c.d.last,) + own)
            inc = new
            c.d.peers = {s.name: Peer()}
            s.d.peers.setdefault(name, Peer())
            w.say('RAWCOPY', s.name, name)
        c.d.inc, c.d.giver, c.d.packed = inc, {}, 0
        c.d.step, c.d.memo = 1, None
        c.d.mine, c.d.tries = set(), (0, 0)
        c.write_state()
        w.sites[name] = c

    def step(w):
        r, words = w.r, w.words
        w.t += r.choice(TICKS)
        w.tell('at', w.t)
        s = w.sites[r.choice(sorted(w.sites))]
        q = r.choice(sorted(s.d.peers))
        x = r.random()
        rare = r.random()
        if 'restore' in words and rare < .08:
            if s.snaps and rare < .03 and ('multi' in words or not w.restored):
                w.restore(s)
            elif not w.restored or 'multi' in words:
                w.backup(s)
        elif 'copy' in words and rare > .97 and len(w.sites) < 6:
            w.copy(s)
        elif 'clock' in words and rare > .95:
            s.off = r.choice((0, r.randint(-40000, 40000)))
            w.tell('off', s.name, s.off)
        elif x < .42:
            text = s.edit()
            w.say('edit', s.name, text)
            if text:
                w.tell('sql', s.name, text)
        elif x < .62:
            kill = r.choice(('before', 'after')) if 'kill' in words and \
                r.random() < .15 else None
            flush = r.random() < .7 or w.script is not None
            out = s.pack(q, flush, w.size, kill)
            w.tell('pack', s.name, q, len(out))
        elif x < .8:
            w.deliver((q, s.name), True)
        else:
            w.tell('apply', s.name)
            s.apply('kill' in words and r.random() < .15)

    def run(w):
        w.unsure = set()
        w.make()
        for _ in range(w.r.randint(20, 120) if 'long' in w.words else
                       w.r.randint(15, 70)):
            w.step()
        w.rest()
        w.judge()
        return w

    def rest(w):
        quiet = 0
        for _ in range(60):
            w.t += 1
            w.tell('at', w.t)
            made = False
            for s in w.sites.values():
                for q in sorted(s.d.peers):
                    out = s.pack(q, True, w.size)
                    w.tell('pack', s.name, q, len(out))
                    made |= bool(out)
            for key in list(w.chan):
                w.deliver(key, False)
            for s in w.sites.values():
                w.tell('apply', s.name)
                s.apply()
            quiet = 0 if made else quiet + 1
            w.say('---- round', made)
            if quiet > 2:
                return
        w.bad.append('silent: never')

    # ---- a history for the program: what happens, and what must come out

    def write_script(w):
        w.script = []
        w.run()
        for s in sorted(w.sites.values(), key=lambda s: s.name):
            w.tell('end', s.name)
            for k in sorted(s.d.table):
                w.tell('row', k, *[sql(s.d.table[k][f][0]) for f in w.F])
            lines, recs = [], []
            for (k, f), (v, ver, _) in s.d.regs.items():
                if isinstance(k, tuple):
                    if f == '*':
                        recs.append('conflict %s %s %s' % (
                            k[1], '-' if k[2] == '*' else k[2],
                            ' '.join(map(str, k[3]))))
                elif ver != BASE:
                    lines.append('register %s %s %s' % (
                        k, v[0] if f == '*' else f, ' '.join(map(str, ver))))
            for x in sorted(lines) + sorted(recs):
                w.tell(x)
        return '\n'.join(w.script)

    # ---- the judge

    def judge(w):
        S = list(w.sites.values())
        ref = S[0].d
        plain = lambda d: {x: (v[0][0], v[1]) for x, v in d.regs.items()}
        rows = lambda d: {k: [v[f][0] for f in w.F] for k, v in d.table.items()}
        a = plain(ref)
        for s in S[1:]:
            b = plain(s.d)
            if a != b:
                w.bad.append('equal: registers of %s: %s' % (s.name, [
                    (x, a.get(x), b.get(x)) for x in set(a) | set(b)
                    if a.get(x) != b.get(x)][:2]))
            if rows(ref) != rows(s.d) or ref.held != s.d.held:
                w.bad.append('equal: tables of ' + s.name)
        recs = {k[1:3] + k[4:] for k, f in ref.regs if isinstance(k, tuple)}
        recs |= {(k[1],) + x for (k, f), v in ref.regs.items() if f == 'row'
                 for x in v[0][0]}
        over = collections.defaultdict(set)
        for i, (k, f, c, who) in w.writes.items():
            for j in w.anc[i] if i not in w.gone else ():
                over[j].add(f)
                if j in w.writes and w.writes[j][1] == 'u':
                    over[w.writes[j][:3]].add(f)
        heldb = {v[1] for s in S for b in s.held_bundles for _, v, _ in b.regs}
        for i, (k, f, c, who) in w.writes.items():
            if i in w.gone or f == '*' or c is None or (k, f, c) in recs:
                continue
            if (over[i] | over.get((k, f, c), set())) & {f, '*'}:
                continue
            fin, life = ref.regs.get((k, f)), ref.regs.get((k, '*'))
            if fin and fin[0][0] == c and life and (
                    life[0][0] == 'B' or f == 'u'):
                continue
            if i in heldb:
                continue                  # in held/, with the reason
            w.bad.append('kept: %s is gone' % ((i, k, f, c, who),))
        if w.restored:
            return
        false = [x for x in w.false if x[3][1] not in w.unsure]
        if false:
            w.bad.append('false: %s' % (false[0],))
        if w.echo:
            w.bad.append('echo: %d' % w.echo)


def main():
    a = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawTextHelpFormatter)
    a.add_argument('--seeds', default='0:500', metavar='FIRST:LAST')
    a.add_argument('--with', dest='words', default='', metavar='WORDS',
                   help='\n'.join('%-8s %s' % x for x in WORDS.items()))
    a.add_argument('--without', default='', metavar='RULES',
                   help='\n'.join('%-9s %s' % x for x in RULES.items()))
    a.add_argument('--script', metavar='DIR',
                   help='write each history to DIR/SEED')
    a.add_argument('--trace', action='store_true')
    a.add_argument('--raise', dest='through', action='store_true')
    o = a.parse_args()
    words = [x for x in o.words.split(',') if x]
    without = [x for x in o.without.split(',') if x]
    for x in words + without:
        if x not in (WORDS if x in words else RULES):
            a.error('unknown word: ' + x)
    first, _, last = o.seeds.partition(':')
    seeds = range(int(first), int(last or int(first) + 1))
    rules = [x for x in RULES if x not in without]
    if o.script:
        for seed in seeds:
            w = World(seed, words, rules, o.trace)
            text = w.write_script()
            if w.bad:
                print(seed, w.bad)
            with open('%s/%d' % (o.script, seed), 'w') as f:
                print('\n'.join([text]), file=f)
        return
    bad, ex, tot, start = collections.Counter(), {}, collections.Counter(), time.time()
    for seed in seeds:
        try:
            w = World(seed, words, rules, o.trace).run()
            what = w.bad
            for x in ('bundles', 'sent', 'echo'):
                tot[x] += getattr(w, x)
            tot['false'] += len(w.false)
        except Exception as e:
            if o.through:
                raise
            what = ['crash: %r' % e]
        if o.trace:
            print('\n'.join(what))
        for kind in {x.split(':')[0] for x in what}:
            bad[kind] += 1
            ex.setdefault(kind, []).append(seed)
    print('with %s%s: seeds %d:%d, %d bad%s; %s; %.0f s' % (
        ','.join(words) or '-', ' without ' + o.without if o.without else '',
        seeds[0], seeds[-1] + 1, sum(bad.values()),
        ''.join(' %s=%d%s' % (k, n, ex[k][:5]) for k, n in bad.items()),
        dict(tot), time.time() - start))
    sys.exit(1 if bad else 0)


if __name__ == '__main__':
    main()
