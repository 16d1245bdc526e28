/* SPDX-License-Identifier: MIT */
/*
 * Walks through a client's layers, down with a request and up with its end. Called by client.c and
 * scheduler.c, and by layers for requests of their own. Has no state; hands requests to the device
 * through `driver_ops`.
 */
#include "vmm/driver/disk/core/layer.h"

#include "vmm/driver/disk/core/device.h"

void layer_open(const struct layer *const *layers, struct client *client)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->open != NULL)
			(*layers)->open(client, layers + 1);
	}
}

void layer_close(const struct layer *const *layers, struct client *client)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->close != NULL)
			(*layers)->close(client);
	}
}

void layer_command(const struct layer *const *layers, struct client *client)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->command != NULL)
			(*layers)->command(client);
	}
}

bool layer_may_ask(const struct layer *const *layers, const struct client *client)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->may_ask != NULL && !(*layers)->may_ask(client))
			return false;
	}
	return true;
}

bool layer_waits(const struct layer *const *layers, const struct client *client)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->waits != NULL && (*layers)->waits(client))
			return true;
	}
	return false;
}

bool layer_copies(const struct layer *const *layers)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->copies)
			return true;
	}
	return false;
}

bool layer_looks_at_reads(const struct layer *const *layers)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->read != NULL)
			return true;
	}
	return false;
}

bool layer_looks_at_ends(const struct layer *const *layers)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->done != NULL)
			return true;
	}
	return false;
}

static enum layer_answer layer_ask_one(const struct layer *layer, struct client *client,
				       const struct block_request *request,
				       enum block_status *status)
{
	enum layer_answer (*ask)(struct client * client, const struct block_request *request,
				 enum block_status *status) =
		request->operation == BLOCK_READ    ? layer->read
		: request->operation == BLOCK_FLUSH ? layer->flush
						    : layer->write;

	return ask != NULL ? ask(client, request, status) : LAYER_PASSES;
}

enum layer_answer layer_ask(const struct layer *const *layers, struct client *client,
			    const struct block_request *request, enum block_status *status)
{
	enum layer_answer answer = LAYER_PASSES;

	for (; *layers != NULL && answer == LAYER_PASSES; layers++)
		answer = layer_ask_one(*layers, client, request, status);
	return answer;
}

static void layer_cancel(const struct layer *const *layers, struct client *client,
			 struct driver_request *request)
{
	for (; *layers != NULL; layers++) {
		if ((*layers)->cancel != NULL)
			(*layers)->cancel(client, request);
	}
}

bool layer_submit(const struct layer *const *layers, struct client *client,
		  struct driver_request *request)
{
	for (const struct layer *const *layer = layers; *layer != NULL; layer++) {
		if ((*layer)->begin != NULL)
			(*layer)->begin(client, request);
	}
	if (driver_ops.submit(request))
		return true;
	layer_cancel(layers, client, request);
	return false;
}

enum block_status layer_done(const struct layer *const *layers, struct client *client,
			     struct driver_request *request, enum block_status status)
{
	const struct layer *const *layer = layers;

	while (*layer != NULL)
		layer++;
	while (layer != layers) {
		layer--;
		if ((*layer)->done != NULL)
			status = (*layer)->done(client, request, status);
	}
	return status;
}
