/* The exchange's end game and its resume across calls, for spin (see
 * doc/EXCHANGE.md, tests/s_exchange_model.sh).
 *
 * Two sites, N0 and N1 bundles that become ready at any time, of two halves
 * each.  The line carries messages in order (that is the link's and the
 * records' work, tested elsewhere) until the carrier goes, at any time, CUTS
 * times; a site is killed between any two steps, KILLS times.  After each call
 * that left something there is another one.
 *
 * What is claimed:
 *   - no state is stuck (invalid end states), none can be come back to (no
 *     cycles: spin -DNP without progress labels), so every state ends;
 *   - the end is: every bundle stored once and whole, outboxes empty;
 *   - a site says "safe" only when all that it sent or received is stored at
 *     its receiver, and nothing that was ready before the other side's END
 *     is missing; nothing is taken or sent behind it;
 *   - a call that nothing disturbs is safe on both sides.
 *
 * BROKEN=n leaves one rule out; spin must find each (the list is at the end
 * of this comment).  The model has no BYE and no PASS: a call that ends by
 * BYE is one that was cut; what is passed is not sent in this call.
 *
 *   1  FIN does not wait for STORED
 *   2  FIN does not wait for what is being stored here
 *   3  what is known is only what was noted, not what lies in the inbox
 *   4  STORED goes out before the bundle is published
 *   5  a bundle leaves the outbox when it was sent
 *   6  the line is hung up behind one's own FIN, whoever still waits
 *   7  bundles are taken behind one's own FIN
 *   8  a FIN that crosses a later END is an error
 *   9  a partial's offset is trusted although it was not synced
 *  10  a bundle that is known is not asked for, but sent
 *  11  "safe" is said when it is true, not with FIN behind it
 *  12  an END that was withdrawn is not said again
 *  13  it is called again, though there is nothing (a cycle)
 */
#ifndef N0
#define N0 2
#endif
#ifndef N1
#define N1 1
#endif
#ifndef CUTS
#define CUTS 1
#endif
#ifndef KILLS
#define KILLS 1
#endif
#ifndef QUEUE
#define QUEUE 3
#endif
#ifndef BROKEN
#define BROKEN 0
#endif

#define NB 3                    /* bundles 1 and 2; 0 is none */
#define I(s, b) ((s) * NB + (b))
#define BIT(b) (1 << (b))
#define COUNT(s) ((s) == 0 -> N0 : N1)

mtype = { HAVE, BUNDLE, DATA, STORED, ASK, WANT, END, FIN };

/* A side's part of a call. */
#define IDLE    0
#define SESSION 1

/* A bundle that is offered. */
#define NONE    0
#define TO_ASK  1
#define ASKED   2
#define READY   3
#define SENDING 4
#define SENT    5
#define ACKED   6               /* the process must be told */

/* A bundle that comes. */
#define COMING  1
#define WHOLE   2               /* to be published */
#define PUBLISHED 3             /* to be noted */
#define TO_STORED 4             /* to be acknowledged */
#define TO_WANT 5
#define WANTED  6

/* --- what survives --- */
byte made[2];                   /* bundles 1..made have become ready */
byte outbox[2];                 /* mask */
byte published[6];              /* how often bundle b of the other is stored */
byte noted[2];                  /* mask: inbox/PEER/stored */
byte synced[2];                 /* mask: the side file says: first half */
byte halves[6];                 /* mask of the halves that are on disk */

/* --- what a call has --- */
byte st[2];
bool theirs[2];                 /* their HAVE came */
byte top[2], parts[2];          /* and what it says */
byte offer[6], offset[6];
byte last[2];                   /* highest number offered */
byte high[2];                   /* ... sent or asked */
byte end_number[2];
byte due[2];                    /* answered before any FIN */
bool ended[2];
bool no_more[2], end_out[2], fin_out[2];
byte income[6];
byte got[6];                    /* halves that came, in memory */
byte come_high[2];
byte coming[2];                 /* the bundle that is open, 0: none */
bool unread[2];                   /* its bytes are of no use */
bool end_in[2], fin_in[2];
byte end_last[2];               /* ghost: what was ready before their END */

bool up, disturbed;             /* disturbed: cut or killed in this call */
byte cuts, kills;
bool told[2];                   /* BROKEN 11: "safe" was said */
bool good[2];                   /* the last call was safe for this side */
bool finished;

chan to[2] = [QUEUE] of { mtype, byte, byte }; /* to[s]: towards s */

/* In these, s is the side and o the other one. */
#define o (1 - s)

inline drain()
{
	do
	:: len(to[0]) > 0 -> to[0]?_, _, _
	:: len(to[1]) > 0 -> to[1]?_, _, _
	:: else -> break
	od
}

/* Does s have bundle b of the other side?  The inbox tells, or the note; the
 * applier may have taken it from the inbox, and tells then. */
#if BROKEN == 3
#define KNOWN(s, b) ((noted[s] & BIT(b)) != 0)
#else
#define KNOWN(s, b) ((noted[s] & BIT(b)) != 0 || published[I(s, b)] > 0)
#endif

/* All of a call's state of side s, except what survives. */
inline forget(s)
{
	d_step {
		st[s] = IDLE;
		told[s] = false;
		theirs[s] = false; top[s] = 0; parts[s] = 0;
		last[s] = 0; high[s] = 0; end_number[s] = 0;
		due[s] = 0; ended[s] = false;
		no_more[s] = false; end_out[s] = false; fin_out[s] = false;
		come_high[s] = 0; coming[s] = 0; unread[s] = false;
		end_in[s] = false; fin_in[s] = false; end_last[s] = 0;
		offer[I(s, 1)] = NONE; offer[I(s, 2)] = NONE;
		offset[I(s, 1)] = 0; offset[I(s, 2)] = 0;
		income[I(s, 1)] = NONE; income[I(s, 2)] = NONE;
		got[I(s, 1)] = 0; got[I(s, 2)] = 0
	}
}

#define OVER_SENT(s, b) \
	(offer[I(s, b)] == NONE || offer[I(s, b)] == ACKED || \
	    (BROKEN == 1 && offer[I(s, b)] == SENT))
#define OVER_COME(s, b) \
	(income[I(s, b)] == NONE || income[I(s, b)] == TO_STORED || \
	    (BROKEN == 2 && \
	    (income[I(s, b)] == WHOLE || income[I(s, b)] == PUBLISHED)))
#define ANSWER(s, b) \
	(income[I(s, b)] == TO_STORED || income[I(s, b)] == TO_WANT)

#define SAFE(s) \
	(theirs[s] && no_more[s] && end_out[s] && OVER_SENT(s, 1) && \
	    OVER_SENT(s, 2) && end_in[s] && coming[s] == 0 && \
	    OVER_COME(s, 1) && OVER_COME(s, 2))
#define HAS_ANSWER(s) (ANSWER(s, 1) || ANSWER(s, 2))
#define HAS_OFFER(s, what) \
	(offer[I(s, 1)] == what || offer[I(s, 2)] == what)
#define LOWEST_OFFER(s, what) (offer[I(s, 1)] == what -> 1 : 2)
#define NEXT(s) \
	((outbox[s] & BIT(1)) && last[s] < 1 -> 1 : \
	    ((outbox[s] & BIT(2)) && last[s] < 2 -> 2 : 0))

#define END_DUE(s) \
	(no_more[s] && !end_out[s] && \
	    !(BROKEN == 12 && end_number[s] != 0))

/* "You can hang up now": true for the two sites, not only in s's memory. */
inline check_safe(s)
{
	d_step {
		b = 1;
		do
		:: b < NB ->
			/* ours of this call, and of earlier ones */
			assert(b > last[s] || published[I(o, b)] == 1);
			/* theirs: what came, what was ready before END */
			assert((b > come_high[s] && b > end_last[s]) ||
			    published[I(s, b)] == 1);
			b++
		:: else -> break
		od;
		b = 0
	}
}

/* --- sending: one message a step, in the order of exchange_send.c --- */

inline send_answer(s)
{
	b = (ANSWER(s, 1) -> 1 : 2);
	if
	:: income[I(s, b)] == TO_STORED ->
		income[I(s, b)] = NONE;
		to[o]!STORED, b, 0
	:: else ->
		income[I(s, b)] = WANTED;
		coming[s] = (coming[s] == b -> 0 : coming[s]);
		to[o]!WANT, b, got[I(s, b)] & 1
	fi;
	b = 0
}

inline send_data(s)
{
	if
	:: HAS_OFFER(s, SENDING) ->
		b = LOWEST_OFFER(s, SENDING);
		offset[I(s, b)]++;
		if
		:: offset[I(s, b)] == 2 -> offer[I(s, b)] = SENT
		:: else
		fi;
		to[o]!DATA, b, offset[I(s, b)] - 1
	:: else ->
		b = LOWEST_OFFER(s, READY);
		offer[I(s, b)] = SENDING;
		high[s] = (b > high[s] -> b : high[s]);
		to[o]!BUNDLE, b, offset[I(s, b)]
	fi;
#if BROKEN == 5
	if
	:: offer[I(s, b)] == SENT -> outbox[s] = outbox[s] & ~BIT(b)
	:: else
	fi;
#endif
	b = 0
}

inline send_something(s)
{
	if
	:: HAS_ANSWER(s) -> send_answer(s)
	:: else ->
		if
		:: HAS_OFFER(s, TO_ASK) ->
			b = LOWEST_OFFER(s, TO_ASK);
			offer[I(s, b)] = ASKED;
			high[s] = (b > high[s] -> b : high[s]);
			to[o]!ASK, b, 0;
			b = 0
		:: else ->
			if
			:: HAS_OFFER(s, SENDING) || HAS_OFFER(s, READY) ->
				send_data(s)
			:: else ->
				if
				:: END_DUE(s) ->
					end_out[s] = true;
					end_number[s] = high[s];
					due[s] = (ended[s] -> due[s] : high[s]);
					ended[s] = true;
					to[o]!END, high[s], last[s]
				:: else ->
					/* SAFE: said in the same step */
					check_safe(s);
					fin_out[s] = true;
					to[o]!FIN, 0, 0
				fi
			fi
		fi
	fi
}

#define CAN_SEND(s) \
	(!fin_out[s] && (HAS_ANSWER(s) || (theirs[s] && \
	    (HAS_OFFER(s, TO_ASK) || HAS_OFFER(s, SENDING) || \
	    HAS_OFFER(s, READY) || END_DUE(s) || SAFE(s)))))

/* --- receiving --- */

inline take_have(s)
{
	theirs[s] = true;
	top[s] = x;
	parts[s] = y
}

inline take_bundle(s)
{
	end_in[s] = false;
	coming[s] = x;
	if
	:: income[I(s, x)] == WANTED ->
		assert(y == (got[I(s, x)] & 1));
		unread[s] = false;
		income[I(s, x)] = COMING
	:: else ->
		/* never one that came already: numbers only grow */
		assert(x > come_high[s]);
		come_high[s] = x;
		income[I(s, x)] = COMING;
		unread[s] = false;
		if
		:: y == 1 ->
			/* only where our partial ends, which is there */
			assert(synced[s] & BIT(x));
			assert(halves[I(s, x)] == 1);
			got[I(s, x)] = 1
		:: else ->
			got[I(s, x)] = 0;
			halves[I(s, x)] = 0;
			synced[s] = synced[s] & ~BIT(x)
		fi;
		if
		:: KNOWN(s, x) && BROKEN != 10 ->
			/* dropped into the inbox, or a note was lost */
			income[I(s, x)] = TO_STORED;
			noted[s] = noted[s] | BIT(x);
			unread[s] = true
		:: else
		fi
	fi
}

inline take_data(s)
{
	assert(coming[s] == x);
	if
	:: unread[s]
	:: else ->
		assert(income[I(s, x)] == COMING);
		got[I(s, x)] = got[I(s, x)] | BIT(y)
	fi;
	if
	:: y == 1 ->
		coming[s] = 0;
		if
		:: !unread[s] ->
			income[I(s, x)] = WHOLE;
#if BROKEN == 4
			income[I(s, x)] = TO_STORED;
#endif
		:: else
		fi
	:: else
	fi
}

inline take_ask(s)
{
	end_in[s] = false;
	assert(x > come_high[s]);
	come_high[s] = x;
	if
	:: KNOWN(s, x) ->
		noted[s] = noted[s] | BIT(x);
		income[I(s, x)] = TO_STORED
	:: else ->
		got[I(s, x)] = ((synced[s] & BIT(x)) -> 1 : 0);
		income[I(s, x)] = TO_WANT
	fi
}

inline take_end(s)
{
	assert(x == come_high[s] && coming[s] == 0);
	end_in[s] = true;
	end_last[s] = y
}

/* Theirs is final: what was not acknowledged waits for the next call. */
inline take_fin(s)
{
	assert(end_in[s] && coming[s] == 0 && OVER_COME(s, 1) &&
	    OVER_COME(s, 2));
	fin_in[s] = true;
	no_more[s] = true;
	b = 1;
	do
	:: b < NB ->
		if
		:: offer[I(s, b)] != NONE && offer[I(s, b)] != ACKED ->
#if BROKEN == 8
			assert(b > end_number[s]);
#endif
			assert(b > due[s]);
			offer[I(s, b)] = NONE;
			/* check_safe: it is not part of this call */
			last[s] = (last[s] >= b -> b - 1 : last[s])
		:: else
		fi;
		b++
	:: else -> break
	od;
	b = 0;
	end_out[s] = true
}

#define LATE(m) \
	(m == BUNDLE || m == DATA || m == ASK || m == END)

inline receive(s)
{
	if
	:: fin_out[s] && LATE(m) && BROKEN != 7 -> skip
	:: else ->
		assert(!(fin_out[s] || told[s]) || !LATE(m));
		assert(!fin_in[s]);
		if
		:: m == HAVE -> take_have(s)
		:: m == BUNDLE -> take_bundle(s)
		:: m == DATA -> take_data(s)
		:: m == ASK -> take_ask(s)
		:: m == END -> take_end(s)
		:: m == FIN -> take_fin(s)
		:: m == STORED ->
			assert(offer[I(s, x)] == SENT ||
			    offer[I(s, x)] == ASKED ||
			    offer[I(s, x)] == SENDING);
			offer[I(s, x)] = ACKED;
			due[s] = (x > due[s] -> x : due[s])
		:: m == WANT ->
			assert(offer[I(s, x)] == ASKED);
			due[s] = (x > due[s] -> x : due[s]);
			offer[I(s, x)] = READY;
			offset[I(s, x)] = y;
			end_out[s] = false
		fi
	fi;
	m = 0; x = 0; y = 0
}

/* --- the process beside the protocol --- */

inline place_offer(s)
{
	b = NEXT(s);
	last[s] = b;
	no_more[s] = false;
	end_out[s] = false;
	if
	:: b == top[s] -> offer[I(s, b)] = ACKED
	:: b < top[s] && BROKEN != 10 -> offer[I(s, b)] = TO_ASK
	:: else ->
		offer[I(s, b)] = READY;
		offset[I(s, b)] = ((parts[s] & BIT(b)) -> 1 : 0)
	fi;
	b = 0
}

/* Storing is slow and beside the line: publish, then note, each a step. */
inline publish(s)
{
	b = (income[I(s, 1)] == WHOLE -> 1 : 2);
	halves[I(s, b)] = halves[I(s, b)] | got[I(s, b)];
	assert(halves[I(s, b)] == 3);       /* whole and intact */
	published[I(s, b)]++;
	assert(published[I(s, b)] == 1);    /* once */
	synced[s] = synced[s] & ~BIT(b);
	income[I(s, b)] = PUBLISHED;
	b = 0
}

inline note(s)
{
	b = (income[I(s, 1)] == PUBLISHED -> 1 : 2);
	noted[s] = noted[s] | BIT(b);
	income[I(s, b)] = TO_STORED;
	b = 0
}

/* What came of open bundles goes to the disk; the offset is written behind
 * the bytes. */
inline sync_parts(s)
{
	b = 1;
	do
	:: b < NB ->
		if
		:: income[I(s, b)] == COMING && got[I(s, b)] == 1 ->
			halves[I(s, b)] = 1;
			synced[s] = synced[s] | BIT(b)
		:: income[I(s, b)] == COMING && got[I(s, b)] == 1 && dying ->
			/* killed before it was synced */
			halves[I(s, b)] = 0;
			synced[s] = synced[s] & ~BIT(b)
#if BROKEN == 9
			; synced[s] = synced[s] | BIT(b)
#endif
		:: !(income[I(s, b)] == COMING && got[I(s, b)] == 1)
		fi;
		b++
	:: else -> break
	od;
	b = 0
}

/* The carrier has gone: partials are synced, what is being stored is stored
 * (or was not begun). */
inline lost(s)
{
	dying = false;
	sync_parts(s);
	b = 1;
	do
	:: b < NB ->
		if
		:: income[I(s, b)] == WHOLE ->
			halves[I(s, b)] = halves[I(s, b)] | got[I(s, b)];
			assert(halves[I(s, b)] == 3);
			published[I(s, b)]++;
			assert(published[I(s, b)] == 1);
			synced[s] = synced[s] & ~BIT(b);
			noted[s] = noted[s] | BIT(b)
		:: income[I(s, b)] == PUBLISHED ->
			noted[s] = noted[s] | BIT(b)
		:: else
		fi;
		b++
	:: else -> break
	od;
	b = 0;
	good[s] = fin_out[s];
	if
	:: SAFE(s) ->
		check_safe(s);          /* its own conditions hold: 0 */
		good[s] = true
	:: else
	fi;
	assert(good[s] || disturbed);   /* nothing disturbed it: it is safe */
	forget(s)
}

#define LIVE(s) (st[s] == SESSION)

proctype Site(bit s)
{
	byte b, x, y;
	mtype m;
	bool dying;

	do
	:: finished -> break

	/* the packer */
	:: atomic { made[s] < COUNT(s) ->
		made[s]++;
		outbox[s] = outbox[s] | BIT(made[s]) }

	/* the process */
	:: atomic { LIVE(s) && up && theirs[s] && !fin_out[s] && !fin_in[s] &&
	    NEXT(s) != 0 -> place_offer(s) }
	:: atomic { LIVE(s) && up && theirs[s] && !no_more[s] &&
	    NEXT(s) == 0 -> no_more[s] = true }
	:: atomic { LIVE(s) && HAS_OFFER(s, ACKED) ->
		b = LOWEST_OFFER(s, ACKED);
		offer[I(s, b)] = NONE;
		outbox[s] = outbox[s] & ~BIT(b);
		b = 0 }
	:: atomic { LIVE(s) && up && (income[I(s, 1)] == WHOLE ||
	    income[I(s, 2)] == WHOLE) -> publish(s) }
	:: atomic { LIVE(s) && up && (income[I(s, 1)] == PUBLISHED ||
	    income[I(s, 2)] == PUBLISHED) -> note(s) }

	/* the line */
	:: atomic { LIVE(s) && up && CAN_SEND(s) && nfull(to[o]) ->
		send_something(s) }
	:: atomic { LIVE(s) && up && nempty(to[s]) ->
		to[s]?m, x, y; receive(s) }

#if BROKEN == 11
	:: atomic { LIVE(s) && up && !told[s] && SAFE(s) -> told[s] = true }
#endif

	/* done: theirs is in; or nobody takes long to say it */
	:: atomic { LIVE(s) && up && fin_out[s] && (fin_in[s] ||
	    (empty(to[o]) && empty(to[s])) || BROKEN == 6) &&
	    !HAS_OFFER(s, ACKED) ->
		up = false;
		drain();
		good[s] = true;
		forget(s) }
	:: atomic { LIVE(s) && !up && !HAS_OFFER(s, ACKED) -> lost(s) }

	/* the power goes */
	:: atomic { LIVE(s) && kills < KILLS ->
		kills++;
		disturbed = true;
		up = false;
		drain();
		dying = true;
		sync_parts(s);
		good[s] = false;
		forget(s) }
	od
}

#define TOP(s) (KNOWN(s, 2) -> 2 : (KNOWN(s, 1) -> 1 : 0))
#define MORE \
	(!good[0] || !good[1] || outbox[0] != 0 || outbox[1] != 0 || \
	    BROKEN == 13)

/* Calls, the carrier, and the end of all. */
init
{
	atomic {
		run Site(0);
		run Site(1)
	}
	do
	:: atomic { !up && st[0] == IDLE && st[1] == IDLE && MORE ->
		up = true;
		disturbed = false;
		st[0] = SESSION;
		st[1] = SESSION;
		to[1]!HAVE, TOP(0), synced[0];
		to[0]!HAVE, TOP(1), synced[1] }
	:: atomic { up && cuts < CUTS ->
		cuts++;
		disturbed = true;
		up = false;
		drain() }
	:: atomic { !up && st[0] == IDLE && st[1] == IDLE && !MORE &&
	    made[0] == N0 && made[1] == N1 ->
		finished = true;
		break }
	od;
	/* nothing lost, nothing twice */
	assert(published[I(1, 1)] == (N0 >= 1 -> 1 : 0));
	assert(published[I(1, 2)] == (N0 >= 2 -> 1 : 0));
	assert(published[I(0, 1)] == (N1 >= 1 -> 1 : 0));
	assert(published[I(0, 2)] == (N1 >= 2 -> 1 : 0));
	assert(halves[I(1, 1)] == (N0 >= 1 -> 3 : 0))
}
