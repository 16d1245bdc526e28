/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/dns.h"
#include "gateway/proxy/rule.h"

/* Who asks: a client's address and port, and its connection; `stream` is -1 over UDP. */
struct names_asker {
	uint32_t address;
	uint16_t port;
	int stream;
};

/*
 * Answers questions that come on the two sockets. `opened` is a socket to the process that adds to
 * the set of nftables, and the function returns when that has ended; -1: there is none.
 */
void names_serve(int udp, int tcp, int opened, const struct rules *rules);
/*
 * Takes a question of a client: it is answered at once or later, by names_stream_send() or over
 * UDP. Returns false if it is no question and gets no answer.
 */
bool names_take(const struct names_asker *asker, const uint8_t *packet, size_t count);
/* Forgets the questions of a connection that is closed. */
void names_forget(int stream);
