/* Notes on a peer for whoever asks how the site is doing: one sentence of each
 * kind, kept in dialsync_meta until what it speaks of is over.  `dialsync
 * status` shows them. */
#ifndef STORE_NOTE_H
#define STORE_NOTE_H

#include "store/store.h"

#define NOTE_TWINS "twins"  /* two sites of one name */
#define NOTE_CLOCK "clock"  /* bundles wait for a clock to be set */

/* In dialsync_meta: "note:KIND:PEER" the sentence, "noted:KIND:PEER" when. */
#define NOTE_META "note:"
#define NOTED_META "noted:"

/* Set it, or take it away (text NULL).  Needs an open write transaction. */
int note_set(struct store *, const char *kind, const char *peer,
    const char *text, struct err *);
/* When it was set, wall seconds; 0: there is none. */
int note_when(struct store *, const char *kind, const char *peer,
    int64_t *when, struct err *);

#endif
