/* Who may be met in a call, and with which keys.
 *
 * Errors: ERR_REFUSED the peer may not exchange like this (the text says what
 * to do); ERR_CONFIG a key file that cannot be used; ERR_SYSTEM. */
#ifndef MODEM_CALL_PEER_H
#define MODEM_CALL_PEER_H

#include "modem/call.h"
#include "modem/exchange.h"

/* May this peer be called, or call, on this line?  Where it needs a key, there
 * is one. */
int call_peer_allowed(struct call_site *s, const struct config_peer *p,
    const struct config_line *line, struct err *e);

/* The peers that may be met, as the exchange wants them: only `only`, or all
 * (NULL) that have what they need; those that have not are left out.  *out is
 * the caller's, for call_peers_free(); there is always one at least: with
 * nobody to meet, every caller is refused in the usual way. */
int call_peers_new(struct call_site *s, const struct config_line *line,
    const struct config_peer *only, struct exchange_peer **out, size_t *n,
    struct err *e);
void call_peers_free(struct exchange_peer *p, size_t n);

/* An answering line begins to wait: warn of peers that could not call. */
void call_peers_warn(struct call_site *s, const struct config_line *line);

#endif
