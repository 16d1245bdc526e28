/* SPDX-License-Identifier: MIT */
#pragma once

#include "gateway/proxy/account.h"

/*
 * Serves a client's connection, request after request, until it ends. `dialer` is a socket to the
 * process that connects to hosts.
 */
void carrier_serve(int client, uint32_t address, int dialer, const struct rules *rules,
		   struct account_page *account);
/* Refuses a client whose address has too many connections, and closes its connection. */
void carrier_turn_away(int client);
