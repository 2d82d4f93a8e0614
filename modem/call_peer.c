/* Who may be met, and with which keys.  See call_peer.h. */
#include "config.h"

#include "modem/call_peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/fs.h"
#include "base/log.h"
#include "keys/keys.h"

static const char *security_name(enum config_security s)
{
	return s == CONFIG_SECURITY_SIGN ? "sign" : "encrypt";
}

/* A line without our protocol cannot ask for a key. */
static int allowed_plain(
    const struct config_peer *p, bool has_key, struct err *e)
{
	if (p->security != CONFIG_SECURITY_NONE)
		return err_set(e, ERR_REFUSED,
		    "peer %s wants security = %s, which a line with protocol "
		    "= zmodem cannot give; write protocol = dialsync into the "
		    "line's section on both sides, or, if the line itself is "
		    "safe, security = none into [peer %s]",
		    p->name, security_name(p->security), p->name);
	if (has_key)
		return err_set(e, ERR_REFUSED,
		    "peer %s has a key (keys/%s.key), so it does not "
		    "exchange without it, as protocol = zmodem would; write "
		    "protocol = dialsync into the line's section on both "
		    "sides",
		    p->name, p->name);
	return 0;
}

static int allowed(const struct config_peer *p, bool has_key, struct err *e)
{
	if (p->security == CONFIG_SECURITY_NONE && has_key)
		return err_set(e, ERR_REFUSED,
		    "peer %s has a key (keys/%s.key), so security = none is "
		    "refused; remove that line from [peer %s] of "
		    "dialsync.conf on both sides, or remove the key to "
		    "exchange without it",
		    p->name, p->name, p->name);
	if (p->security != CONFIG_SECURITY_NONE && !has_key)
		return err_set(e, ERR_REFUSED,
		    "peer %s has no key yet; run \"dialsync peer %s "
		    "--new-key\" at one of the two sites, carry the file that "
		    "it names to the other and give it to \"dialsync peer "
		    "NAME --key-file FILE\" there (or read the key out: "
		    "--ask-key); if the line itself is safe, security = none "
		    "in [peer %s] on both sides does without",
		    p->name, p->name, p->name);
	return 0;
}

/* The keys of a peer, and whether it may be met. */
static int look(struct call_site *s, const struct config_peer *p,
    const struct config_line *line, struct keys *k, struct err *e)
{
	if (keys_read(s->dir, p->name, k, e) < 0)
		return -1;
	if (line->protocol == CONFIG_PROTOCOL_ZMODEM)
		return allowed_plain(p, k->n > 0, e);
	return allowed(p, k->n > 0, e);
}

int call_peer_allowed(struct call_site *s, const struct config_peer *p,
    const struct config_line *line, struct err *e)
{
	struct keys k;
	int rc = look(s, p, line, &k, e);

	keys_wipe(&k);
	return rc;
}

/* One peer as the exchange wants it. */
static int make_peer(struct call_site *s, const struct config_line *line,
    const struct config_peer *p, struct exchange_peer *x, struct err *e)
{
	static const enum record_security security[] = {
	    [CONFIG_SECURITY_ENCRYPT] = RECORD_ENCRYPT,
	    [CONFIG_SECURITY_SIGN] = RECORD_SIGN,
	    [CONFIG_SECURITY_NONE] = RECORD_NONE,
	};
	struct keys k;
	size_t i;
	int rc = look(s, p, line, &k, e);

	memset(x, 0, sizeof *x);
	snprintf(x->name, sizeof x->name, "%s", p->name);
	x->security = security[p->security];
	if (rc == 0 && x->security != RECORD_NONE)
		for (i = 0; i < k.n && i < EXCHANGE_KEYS_MAX; i++)
			key_psk(&k.key[i], x->psk[x->n_psk++]);
	keys_wipe(&k);
	return rc;
}

/* Nobody has this key, nor this name. */
static int make_nobody(struct exchange_peer *x, struct err *e)
{
	memset(x, 0, sizeof *x);
	snprintf(x->name, sizeof x->name, "-");
	x->security = RECORD_ENCRYPT;
	x->n_psk = 1;
	if (getrandom(x->psk[0], sizeof x->psk[0], 0) !=
	    (ssize_t)sizeof x->psk[0])
		return err_sys(e, "no random numbers");
	return 0;
}

int call_peers_new(struct call_site *s, const struct config_line *line,
    const struct config_peer *only, struct exchange_peer **out, size_t *n,
    struct err *e)
{
	struct exchange_peer *x = calloc(s->cfg->n_peers + 1, sizeof *x);
	struct err why = ERR_INIT;
	size_t i;
	int rc = 0;

	if (!x)
		abort();
	*n = 0;
	if (only) {
		rc = make_peer(s, line, only, x, e);
		*n = 1;
	}
	for (i = 0; !only && i < s->cfg->n_peers; i++) {
		if (make_peer(s, line, &s->cfg->peers[i], &x[*n], &why) == 0)
			++*n;
		else
			log_debug("%s", why.text);
	}
	if (*n == 0 && (rc = make_nobody(x, e)) == 0)
		*n = 1;
	if (rc < 0) {
		call_peers_free(x, *n);
		return -1;
	}
	*out = x;
	return 0;
}

void call_peers_free(struct exchange_peer *p, size_t n)
{
	if (p)
		explicit_bzero(p, n * sizeof *p);
	free(p);
}

void call_peers_warn(struct call_site *s, const struct config_line *line)
{
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < s->cfg->n_peers; i++) {
		err_clear(&e);
		if (call_peer_allowed(s, &s->cfg->peers[i], line, &e) < 0)
			log_warn("line %s: calls of %s will be refused: %s",
			    line->name, s->cfg->peers[i].name, e.text);
	}
}
