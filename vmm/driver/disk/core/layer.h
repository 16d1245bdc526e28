/* SPDX-License-Identifier: MIT */
#pragma once

#include "vmm/driver/disk/core/request.h"

/*
 * The layers between a client and the device. Each client has a list of them, the highest first and
 * NULL at the end. A request goes down through all of them before the device gets it, and its end
 * goes up through the same ones. A layer knows neither those above it nor those below; its own
 * reads and writes go down through those below. Functions that a layer has no use for are NULL.
 */
enum layer_answer {
	LAYER_PASSES, /* the request goes on to the next lower layer */
	/*
	 * the layer ends the request here with *status, which is BLOCK_OK unless the layer changes
	 * it
	 */
	LAYER_ENDS,
	/*
	 * the request stays in client->held and is offered again when a request or a job has ended
	 */
	LAYER_WAITS,
};

struct layer {
	/*
	 * Starts the layer for a new client: clears the state of an earlier client at this index,
	 * and takes over the manager's settings.
	 */
	void (*open)(struct client *client, const struct layer *const *below);
	/* Is called when a client leaves; the device has no requests of that client any more. */
	void (*close)(struct client *client);
	/* Carries out the manager's latest command about the client, in client_part(). */
	void (*command)(struct client *client);
	/* Returns whether requests may be taken from the client now; NULL: they always may. */
	bool (*may_ask)(const struct client *client);
	/*
	 * Returns whether a client from which no request may be taken, or whose request waits in
	 * client->held, waits for the end of a request or for the manager, which both wake the
	 * driver.
	 */
	bool (*waits)(const struct client *client);
	/*
	 * Decide on a client's checked request on its way down; a request that waited comes again.
	 * `write` takes every request that changes the disk.
	 */
	enum layer_answer (*read)(struct client *client, const struct block_request *request,
				  enum block_status *status);
	enum layer_answer (*write)(struct client *client, const struct block_request *request,
				   enum block_status *status);
	enum layer_answer (*flush)(struct client *client, const struct block_request *request,
				   enum block_status *status);
	/*
	 * Is called before the device gets the request; the layer may change all of the request but
	 * its disk.
	 */
	void (*begin)(struct client *client, struct driver_request *request);
	/* Is called when the device had no room for the request: undoes `begin`. */
	void (*cancel)(struct client *client, struct driver_request *request);
	/* Is called when the device has ended the request. Returns the status to answer with. */
	enum block_status (*done)(struct client *client, struct driver_request *request,
				  enum block_status status);
	/*
	 * The layer looks at the data of requests, so the client must copy them to and from its
	 * pool.
	 */
	bool copies;
};

/*
 * Each of these functions calls the layers' functions of the same name, from the highest layer
 * down.
 */
void layer_open(const struct layer *const *layers, struct client *client);
void layer_close(const struct layer *const *layers, struct client *client);
void layer_command(const struct layer *const *layers, struct client *client);
/* Returns whether each layer lets requests be taken from the client. */
bool layer_may_ask(const struct layer *const *layers, const struct client *client);
/*
 * Returns whether one of the layers reports that the client waits for an event that wakes the
 * driver.
 */
bool layer_waits(const struct layer *const *layers, const struct client *client);
/* Returns whether one of the layers needs to look at the data of requests. */
bool layer_copies(const struct layer *const *layers);
/* Return whether one of the layers decides on reads, and whether one sees requests' ends. */
bool layer_looks_at_reads(const struct layer *const *layers);
bool layer_looks_at_ends(const struct layer *const *layers);
/*
 * Offers the client's request to the layers, down to the first that does not let it pass, and
 * returns that layer's answer.
 */
enum layer_answer layer_ask(const struct layer *const *layers, struct client *client,
			    const struct block_request *request, enum block_status *status);
/* Hands a request to the device through the layers. Returns false if the device has no room. */
bool layer_submit(const struct layer *const *layers, struct client *client,
		  struct driver_request *request);
/* Passes the end of a request up through the layers. Returns the status to answer with. */
enum block_status layer_done(const struct layer *const *layers, struct client *client,
			     struct driver_request *request, enum block_status status);
