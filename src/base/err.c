#include "config.h"

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	if (!e)
		return -1;
	e->kind = kind;
	e->sys = 0;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return -1;
}

int err_sys(struct err *e, const char *fmt, ...)
{
	int sys = errno;
	size_t n;
	va_list ap;

	if (!e)
		return -1;
	e->kind = ERR_SYSTEM;
	e->sys = sys;
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(sys));
	return -1;
}

int err_add(struct err *e, const char *fmt, ...)
{
	char old[ERR_TEXT_MAX];
	size_t n;
	va_list ap;

	if (!e)
		return -1;
	memcpy(old, e->text, sizeof(old));
	va_start(ap, fmt);
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	n = strlen(e->text);
	snprintf(e->text + n, sizeof(e->text) - n, ": %s", old);
	return -1;
}

void err_clear(struct err *e)
{
	e->kind = ERR_NONE;
	e->sys = 0;
	e->text[0] = '\0';
}

int err_exit_code(const struct err *e)
{
	switch (e->kind) {
	case ERR_NONE:
		return 0;
	case ERR_CALLER:
		return 70;
	case ERR_USAGE:
		return 64;
	case ERR_DATA:
		return 65;
	case ERR_MISSING:
		return 66;
	case ERR_DEVICE:
		return 69;
	case ERR_SYSTEM:
		return 74;
	case ERR_BUSY:
	case ERR_AGAIN:
		return 75;
	case ERR_PEER:
		return 76;
	case ERR_REFUSED:
		return 77;
	case ERR_CONFIG:
		return 78;
	}
	return 70;
}
