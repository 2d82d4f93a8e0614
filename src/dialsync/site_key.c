#include "config.h"

#include "dialsync/site_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/log.h"
#include "bundle/digest.h"
#include "spool/spool_lock.h"

/* A packer works for a peer for so long at most before another try. */
#define LOCK_TRIES   50
#define LOCK_WAIT_MS 100

/* How often a person may mistype. */
#define ASK_TRIES 5

#define TYPED_MAX 400

/* ---- typed */

/* One line of standard input, without its end.  0; -1: ERR_CONFIG there is
 * none, ERR_AGAIN a signal came. */
static int read_typed(char line[TYPED_MAX], struct err *e)
{
	size_t n = 0;
	char c = '\0';

	while (n + 1 < TYPED_MAX) {
		ssize_t got = read(STDIN_FILENO, &c, 1);

		if (got < 0 && errno == EINTR && !site_stop)
			continue;
		if (got < 0 && errno == EINTR)
			return err_set(e, ERR_AGAIN, "stopped; nothing was"
			    " changed");
		if (got < 0)
			return err_sys(e, "read standard input");
		if (got == 0 && n == 0)
			return err_set(e, ERR_CONFIG, "standard input ended"
			    " without a key; nothing was changed");
		if (got == 0 || c == '\n')
			break;
		line[n++] = c;
	}
	line[n] = '\0';
	return 0;
}

/* At a terminal nothing is shown while the key is typed.  A signal ends the
 * reading, so that the terminal is always put back as it was. */
static int read_hidden(const char *peer, char line[TYPED_MAX], struct err *e)
{
	struct termios was, quiet;
	int rc;

	if (tcgetattr(STDIN_FILENO, &was) < 0)
		return read_typed(line, e);
	quiet = was;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	site_catch_signals();
	fprintf(stderr, "Key shared with %s, as it was read out (it is not"
	    " shown): ", peer);
	fflush(stderr);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	rc = read_typed(line, e);
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &was);
	fputc('\n', stderr);
	return rc;
}

static int ask(const char *peer, struct keys *k, struct err *e)
{
	bool terminal = isatty(STDIN_FILENO);
	char line[TYPED_MAX];
	int rc = -1;

	for (int i = 0; i < ASK_TRIES && rc < 0; i++) {
		err_clear(e);
		if (read_hidden(peer, line, e) < 0)
			break;
		rc = key_parse(line, &k->key[0], e);
		if (rc == 0)
			k->n = 1;
		else if (!terminal)
			break;
		else if (i + 1 < ASK_TRIES)
			log_warn("%s; again", e->text);
	}
	memset(line, 0, sizeof(line));
	return rc;
}

int site_key_get(enum key_source from, const char *file, const char *peer,
    struct keys *k, struct err *e)
{
	memset(k, 0, sizeof(*k));
	switch (from) {
	case KEY_FROM_NOWHERE:
		return 0;
	case KEY_NEW:
		key_random(&k->key[0]);
		k->n = 1;
		return 0;
	case KEY_FROM_FILE:
		return keys_read_carried(file, k, e);
	case KEY_ASKED:
		return ask(peer, k, e);
	}
	return 0;
}

/* ---- the file */

static bool has_key(const struct keys *k, const struct key *one)
{
	for (size_t i = 0; i < k->n; i++)
		if (memcmp(&k->key[i], one, sizeof(*one)) == 0)
			return true;
	return false;
}

static int merge(const struct keys *old, const struct keys *more,
    struct keys *all, size_t *added, struct err *e)
{
	memset(all, 0, sizeof(*all));
	*added = 0;
	for (size_t i = 0; i < more->n; i++)
		if (!has_key(old, &more->key[i]) &&
		    !has_key(all, &more->key[i]))
			all->key[all->n++] = more->key[i];
	*added = all->n;
	if (all->n + old->n > KEYS_MAX)
		return err_set(e, ERR_CONFIG, "%zu keys are there already, and"
		    " %d are the most; remove the oldest lines, at its end,"
		    " first", old->n, KEYS_MAX);
	for (size_t i = 0; i < old->n; i++)
		all->key[all->n++] = old->key[i];
	return 0;
}

/* The packer's lock keeps all apart that write the file, and a bundle is
 * signed with the keys of one moment. */
static int lock_file(const struct site *s, const char *peer,
    struct spool_lock *l, struct err *e)
{
	int rc;

	for (int i = 0; (rc = spool_lock(&s->spool, SPOOL_LOCK_PACKER, peer,
		l, e)) < 0 && e->kind == ERR_BUSY && i < LOCK_TRIES; i++) {
		err_clear(e);
		site_wait(-1, LOCK_WAIT_MS);
	}
	return rc;
}

int site_key_add(const struct site *s, const char *peer,
    const struct keys *more, size_t *added, size_t *all, struct err *e)
{
	struct spool_lock lock = SPOOL_LOCK_INIT;
	struct keys old, new;
	int rc;

	if (lock_file(s, peer, &lock, e) < 0)
		return -1;
	rc = keys_read(s->dir, peer, &old, e);
	if (rc == 0 && (rc = merge(&old, more, &new, added, e)) < 0)
		err_add(e, "keys/%s.key", peer);
	if (rc == 0 && *added > 0)
		rc = keys_write(s->dir, peer, &new, e);
	*all = new.n;
	spool_unlock(&lock);
	keys_wipe(&old);
	keys_wipe(&new);
	return rc;
}

/* ---- what to do next */

/* Bundles in a directory of the peer's that are not signed, from the lowest
 * number on; not many are looked at. */
static size_t count_unsigned(const struct site *s, enum spool_kind kind,
    const char *peer)
{
	struct err ignored = ERR_INIT;
	struct spool_list l;
	size_t n = 0;

	if (spool_list(&s->spool, kind, peer, 1000, &l, &ignored) < 0)
		return 0;
	for (size_t i = 0; i < l.n; i++) {
		uint8_t head[BUNDLE_DIGEST_LOOK];
		size_t at[BUNDLE_DIGESTS_MAX];
		int fd = spool_open_bundle(&s->spool, kind, peer,
		    l.e[i].number, NULL, &ignored);
		ssize_t got = fd < 0 ? -1 : pread(fd, head, sizeof(head), 0);

		n += got >= 0 &&
		    bundle_digest_places(head, (size_t)got, at) == 0;
		if (fd >= 0)
			close(fd);
	}
	spool_list_free(&l);
	return n;
}

static const char *are(size_t n)
{
	return n == 1 ? " is" : "s are";
}

/* The first key: what was made without one is not believed any more. */
static void tell_first(const struct site *s, const char *peer)
{
	size_t out = count_unsigned(s, SPOOL_KIND_OUTBOX, peer);
	size_t in = count_unsigned(s, SPOOL_KIND_INBOX, peer);

	if (out > 0)
		log_warn("%zu bundle%s in outbox/%s without a digest: once %s"
		    " has the key it holds them and asks for them again", out,
		    are(out), peer, peer);
	if (in > 0)
		log_warn("%zu bundle%s in inbox/%s without a digest:"
		    " \"dialsync apply\" holds them now and asks for them"
		    " again", in, are(in), peer);
}

static void tell_new(const struct site *s, const char *peer, bool first)
{
	const char *us = s->cfg->site.name;

	log_info("carry %s/keys/%s.key to %s and run there \"dialsync peer %s"
	    " --key-file FILE\"; or read the key out and run there \"dialsync"
	    " peer %s --ask-key\".  Nobody else may see it", s->dir, peer,
	    peer, us, us);
	if (first)
		log_info("until then %s cannot be called, and what it packs is"
		    " held here, since it is not signed", peer);
	else
		log_info("until then calls from here are refused there; calls"
		    " from %s, and bundles, go on with the old key, which goes"
		    " by itself once %s uses the new one", peer, peer);
}

void site_key_tell(const struct site *s, const char *peer,
    enum key_source from, const struct keys *more, size_t added, size_t all)
{
	char text[KEYS_TEXT];

	if (added == 0) {
		log_info("keys/%s.key has %s already; nothing was changed",
		    peer, more->n == 1 ? "that key" : "those keys");
		return;
	}
	if (from == KEY_NEW) {
		/* the key alone on standard output, for scripts */
		puts(key_format(&more->key[0], text));
		fflush(stdout);
		memset(text, 0, sizeof(text));
	}
	log_info("%zu new key%s on top of keys/%s.key, which has %zu now",
	    added, are(added), peer, all);
	if (all == added)
		tell_first(s, peer);
	if (from == KEY_NEW)
		tell_new(s, peer, all == added);
	else if (from == KEY_FROM_FILE)
		log_info("delete the file that was carried here");
}
