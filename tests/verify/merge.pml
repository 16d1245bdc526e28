/* SPDX-License-Identifier: MIT */
/*
 * Taking up a frozen object (mm/layer.c `layer_merge`) while guests touch its pages, in pieces of
 * all sizes: pages, blocks and a GiB that was allocated as one block, here two blocks of two pages.
 * Two spaces map the object: a guest's, which can map a GiB by one leaf, and its monitor's, which
 * maps blocks at most. What is left below in the end is somebody else's. Before each step of the
 * merge, of the revocation in each space (one entry a step) and of a fault anything may happen.
 *
 * Whatever is mapped is the page that the object has there, and can be written to only if it is
 * the live object's own. What was never cleared is not shown, an absent piece not cleared, and no
 * table is lost. How CPUs are made to forget translations is cow.pml's and waits.pml's; that
 * `mapping->shown` names all that show a page is shown.pml's. Here a leaf is used at once or gone.
 *
 * BROKEN_PIECES and BROKEN_WORD: the pieces of a GiB come up one by one. BROKEN_LEAF: a leaf that is
 * too large is reported as mapped. BROKEN_TABLES: a leaf of a GiB replaces a table, whatever is below
 * that. BROKEN_REVOKE: each space is told once, not until it has told all. BROKEN_HELP: no look
 * whether a page is on its way.
 */
#define PAGES	 4
#define CHUNKS	 2
#ifdef SAFETY
#define ACCESSES 3 /* of both CPUs */
#else
#define ACCESSES 2
#endif

/* Objects: their words come one after the other, those of the live one first. */
#define LIVE  0
#define BELOW 1
#define CHUNK(o, page) ((o) * CHUNKS + (page) / 2)
#define SLOT(o, page) ((o) * PAGES + (page))

/*
 * Frames: 0 to 3 are the GiB, then come a block for each chunk and a page for each page. Where two
 * objects have frames of the same page they never have the same one.
 */
#define NEW_BLOCK(page) (PAGES + (page) / 2 * 2)
#define NEW_PAGE(page) (2 * PAGES + (page))

#define ABSENT 0
#define SLOTS  1
#define BLOCK  2

byte word[2 * CHUNKS];	  /* what a chunk is */
byte first[2 * CHUNKS];	  /* a block's frame */
byte cleared[2 * CHUNKS]; /* its pages that are cleared: 2 of 2, it is ready */
bool huge[2 * CHUNKS];
byte slot[2 * PAGES];	  /* 0, or the page's frame and 1 */
bool kept[2 * PAGES];	  /* hidden by a reset */
bool foreign[3 * PAGES];  /* frames that went to somebody else */
bool layered = true;	  /* there is an object below */
bool whole;		  /* pages = 1g */
bool blocks;		  /* the allocator has some */
byte breaking;		  /* the page on its way, and 1 */
byte cursor;
byte accesses = ACCESSES;

/* Entries of a space's tables: a leaf, a table below or nothing. */
#define NONE  0
#define TABLE 255
#define LEAF(frame, write) (1 + 2 * (frame) + (write))
#define IS_LEAF(entry) ((entry) != NONE && (entry) != TABLE)
#define FRAME(entry) (((entry) - 1) / 2)
#define WRITABLE(entry) (((entry) - 1) % 2)

byte giga[2];	      /* one entry */
byte mega[2 * CHUNKS];
byte kilo[2 * PAGES];
#define MEGA(s, page) mega[(s) * CHUNKS + (page) / 2]
#define KILO(s, page) kilo[(s) * PAGES + (page)]
#define LARGEST(s) (2 - (s)) /* level: 0, 1, 2 */

bool layers;	/* layer_lock */
bool locked[2]; /* a space's lock */
byte done;

#define OK     0
#define AGAIN  1
#define IN_USE 2

#define READY(o, page) (word[CHUNK(o, page)] == BLOCK && cleared[CHUNK(o, page)] == 2)
#define SHOWS(o, page) (READY(o, page) || (word[CHUNK(o, page)] == SLOTS && \
					   slot[SLOT(o, page)] != 0 && !kept[SLOT(o, page)]))
#define FRAME_OF(o, page) (word[CHUNK(o, page)] == BLOCK -> first[CHUNK(o, page)] + (page) % 2 : \
								slot[SLOT(o, page)] - 1)
#define ALL_READY(o) (READY(o, 0) && READY(o, 2))
#define IS_HUGE(o, page) (word[CHUNK(o, page)] == BLOCK && huge[CHUNK(o, page)])
#define LEVEL(o, page) (word[CHUNK(o, page)] == SLOTS -> 0 : \
						(IS_HUGE(o, page) && ALL_READY(o) -> 2 : 1))
#define MIN(a, b) ((a) < (b) -> (a) : (b))

/* Where the way to a page ends in the tables. */
#define WALK_LEVEL(s, page) (giga[s] != TABLE -> 2 : (MEGA(s, page) != TABLE -> 1 : 0))
#define WALK_ENTRY(s, page) (giga[s] != TABLE -> giga[s] : \
				(MEGA(s, page) != TABLE -> MEGA(s, page) : KILO(s, page)))
#define LEAF_FRAME(s, page) (FRAME(WALK_ENTRY(s, page)) + \
	(WALK_LEVEL(s, page) == 2 -> (page) : (WALK_LEVEL(s, page) == 1 -> (page) % 2 : 0)))
#define MAPPED(s, page) IS_LEAF(WALK_ENTRY(s, page))
#define ALLOWS(s, page, write) (MAPPED(s, page) && (!(write) || WRITABLE(WALK_ENTRY(s, page))))

inline entry_set(s, page, level, value)
{
	if
	:: level == 2 -> giga[s] = value
	:: level == 1 -> MEGA(s, page) = value
	:: else -> KILO(s, page) = value
	fi
}

/* Of all that is mapped. */
inline check()
{
#ifdef SAFETY
	d_step {
		for (k : 0 .. 2 * PAGES - 1) {
			if
			:: MAPPED(k / PAGES, k % PAGES) ->
				assert(!foreign[LEAF_FRAME(k / PAGES, k % PAGES)]);
				if
				:: SHOWS(LIVE, k % PAGES) ->
					assert(LEAF_FRAME(k / PAGES, k % PAGES) == FRAME_OF(LIVE, k % PAGES))
				:: else ->
					assert(layered && SHOWS(BELOW, k % PAGES));
					assert(LEAF_FRAME(k / PAGES, k % PAGES) == FRAME_OF(BELOW, k % PAGES));
					assert(!WRITABLE(WALK_ENTRY(k / PAGES, k % PAGES)))
				fi
			:: else
			fi
		}
	k = 0
	}
#else
	skip
#endif
}

/* memory_slot_search; level: what the leaf may be */
inline search(page)
{
	level = LEVEL(LIVE, page);
	own = true;
	found = SHOWS(LIVE, page);
	if
	:: !found && layered ->
		own = false;
		level = MIN(level, LEVEL(BELOW, page));
		found = SHOWS(BELOW, page) && breaking != page + 1
	:: else
	fi;
	frame = (found -> (own -> FRAME_OF(LIVE, page) : FRAME_OF(BELOW, page)) : 0)
}

inline chunk_clear(c)
{
	assert(word[c] == BLOCK);
	if
	:: cleared[c] < 2 -> cleared[c]++
	:: else
	fi;
	status = (cleared[c] == 2 -> OK : AGAIN)
}

inline chunk_create(page)
{
	if
	:: word[CHUNK(LIVE, page)] != ABSENT
	:: word[CHUNK(LIVE, page)] == ABSENT && !blocks -> word[CHUNK(LIVE, page)] = SLOTS
	:: word[CHUNK(LIVE, page)] == ABSENT && blocks ->
		word[CHUNK(LIVE, page)] = BLOCK;
		first[CHUNK(LIVE, page)] = NEW_BLOCK(page);
		cleared[CHUNK(LIVE, page)] = 0
	fi
}

/* memory_populate, under the object's lock */
inline populate(page)
{
	status = OK;
	if
	:: word[CHUNK(LIVE, page)] == BLOCK && !whole -> chunk_clear(CHUNK(LIVE, page))
	:: else ->
		if
		:: layered -> search(page); status = (found -> OK : IN_USE)
		:: else ->
			chunk_create(page);
			if
			:: whole && IS_HUGE(LIVE, page) ->
				if /* memory_huge_unready, from the last one on */
				:: !READY(LIVE, 2) -> chunk_clear(CHUNK(LIVE, 2)); status = AGAIN
				:: READY(LIVE, 2) && !READY(LIVE, 0) ->
					chunk_clear(CHUNK(LIVE, 0)); status = AGAIN
				:: else
				fi
			:: word[CHUNK(LIVE, page)] == BLOCK && !(whole && IS_HUGE(LIVE, page)) ->
				chunk_clear(CHUNK(LIVE, page))
			:: word[CHUNK(LIVE, page)] == SLOTS ->
				kept[SLOT(LIVE, page)] = false;
				if
				:: slot[SLOT(LIVE, page)] == 0 ->
					slot[SLOT(LIVE, page)] = NEW_PAGE(page) + 1
				:: else
				fi
			fi
		fi
	fi
}

/* table_merge */
inline replace_table(s)
{
	merged = !(level == 2 && (MEGA(s, 0) == TABLE || MEGA(s, 2) == TABLE));
#ifdef BROKEN_TABLES
	merged = merged || level == 2
#endif
	;
	if
	:: merged && level == 2 ->
		assert(MEGA(s, 0) != TABLE && MEGA(s, 2) != TABLE);
		giga[s] = LEAF(0, own);
		MEGA(s, 0) = NONE;
		MEGA(s, 2) = NONE
	:: merged && level == 1 ->
		MEGA(s, page) = LEAF(frame - page % 2, own);
		KILO(s, page / 2 * 2) = NONE;
		KILO(s, page / 2 * 2 + 1) = NONE
	:: else
	fi
}

/* table_map_walked, to a leaf of that level, not above where the way ends */
inline map_walked(s)
{
	if
	:: WALK_LEVEL(s, page) == 2 && level < 2 -> giga[s] = TABLE
	:: else
	fi;
	if
	:: WALK_LEVEL(s, page) == 1 && level < 1 -> MEGA(s, page) = TABLE
	:: else
	fi;
	at = frame - (level == 2 -> page : (level == 1 -> page % 2 : 0));
	entry_set(s, page, level, LEAF(at, own));
	at = 0
}

/* space_leaf_put */
inline leaf_put(s)
{
	if
	:: MAPPED(s, page) -> status = (ALLOWS(s, page, write) -> OK : IN_USE)
	:: else ->
		search(page);
		if
		:: !found || (!own && write) -> status = IN_USE
		:: else ->
			level = MIN(level, LARGEST(s));
			level = (level == 2 && frame != page -> 1 : level);
			merged = false;
			if
			:: level > WALK_LEVEL(s, page) ->
#ifdef BROKEN_LEAF
				if
				:: level == 2 -> replace_table(s)
				:: else
				fi;
				merged = true;
#else
				replace_table(s);
				level = (merged -> level : WALK_LEVEL(s, page))
#endif
			:: else
			fi;
			if
			:: !merged -> map_walked(s)
			:: else
			fi;
			status = OK
		fi
	fi
}

/* layer_give_page: nobody can use what was revoked, as no leaf is remembered here */
inline give_page(page)
{
	assert(word[CHUNK(LIVE, page)] == SLOTS && !SHOWS(LIVE, page));
	slot[SLOT(LIVE, page)] = (slot[SLOT(LIVE, page)] == 0 -> NEW_PAGE(page) + 1 :
								  slot[SLOT(LIVE, page)]);
	kept[SLOT(LIVE, page)] = false;
	breaking = 0
}

/* layer_own */
inline own_page(s)
{
	status = OK;
	if
	:: SHOWS(LIVE, page) -> frame = FRAME_OF(LIVE, page)
	:: else ->
		assert(word[CHUNK(LIVE, page)] != BLOCK);
		word[CHUNK(LIVE, page)] = SLOTS;
		breaking = page + 1;
		if
		:: MAPPED(1 - s, page) -> status = IN_USE
		:: else -> give_page(page); frame = FRAME_OF(LIVE, page)
		fi
	fi
}

/* space_own_leaf_put */
inline own_leaf_put(s)
{
	if
	:: ALLOWS(s, page, true) -> status = OK
	:: else ->
		if
		:: MAPPED(s, page) -> entry_set(s, page, WALK_LEVEL(s, page), NONE)
		:: else
		fi;
		own_page(s);
		if
		:: status == OK -> own = true; level = 0; map_walked(s)
		:: else
		fi
	fi
}

/* table_unmap_entry; `at` moves on */
inline unmap_entry(s, at)
{
	level = WALK_LEVEL(s, at);
	entry_set(s, at, level, NONE);
	if
	:: level == 0 && KILO(s, at / 2 * 2) == NONE && KILO(s, at / 2 * 2 + 1) == NONE ->
		MEGA(s, at) = NONE
	:: else
	fi;
	if
	:: level < 2 && MEGA(s, 0) == NONE && MEGA(s, 2) == NONE -> giga[s] = NONE
	:: else
	fi;
	at = (level == 2 -> PAGES : (level == 1 -> at / 2 * 2 + 2 : at + 1))
}

inline forget()
{
	check();
	level = 0;
	frame = 0;
	found = false;
	own = false;
	merged = false;
	status = OK
}

/* Each atomic step is under the locks that it waits for; who goes on under one has it locked. */
proctype cpu(byte self)
{
	byte page, level, frame, status, at, k;
	bool write, found, own, merged;

next:	atomic {
		if
		:: accesses == 0 -> goto ended
		:: accesses > 0 ->
			accesses--;
			select (page : 0 .. PAGES - 1);
			if
			:: write = true
			:: write = false
			fi
		fi
	};
access: atomic {
		if
		:: ALLOWS(self, page, write) -> page = 0; write = false; goto next
		:: else
		fi;
		!locked[self]; /* space_fault_unlayered */
		if
		:: layered && write -> goto layers_below
		:: else
		fi;
		d_step { populate(page) };
		if
		:: status == OK -> locked[self] = true
		:: status == AGAIN -> forget(); goto access
		:: status == IN_USE -> forget(); goto layers_below
		fi;
		forget()
	};
	atomic {
		d_step { leaf_put(self) };
		locked[self] = false;
		if
		:: status == IN_USE -> forget(); goto layers_below
		:: else -> forget(); goto access
		fi
	};
layers_below: /* space_fault_layered */
	atomic {
		!layers && !locked[self];
		if
		:: !layered -> status = AGAIN
		:: else ->
			d_step {
				if
				:: breaking != 0 -> at = breaking - 1; give_page(at); at = 0
				:: else
				fi;
				own_leaf_put(self)
			}
		fi;
		if
		:: status == IN_USE -> layers = true; forget()
		:: else -> forget(); goto access
		fi
	};
	atomic { /* layer_break; the space itself shows it no more */
		!locked[1 - self];
		at = breaking - 1;
		d_step { unmap_entry(1 - self, at) };
		at = 0;
		layers = false;
		forget();
		goto access
	};
ended:	done++
}

inline take_block(page)
{
	word[CHUNK(LIVE, page)] = BLOCK;
	first[CHUNK(LIVE, page)] = first[CHUNK(BELOW, page)];
	cleared[CHUNK(LIVE, page)] = 2;
	huge[CHUNK(LIVE, page)] = huge[CHUNK(BELOW, page)];
	word[CHUNK(BELOW, page)] = ABSENT;
	huge[CHUNK(BELOW, page)] = false
}

/* layer_take_chunk */
inline take_chunk(page)
{
	taken = false;
#if !defined(BROKEN_PIECES) && !defined(BROKEN_WORD)
	if
	:: IS_HUGE(BELOW, page) ->
		if
		:: word[0] == ABSENT && word[1] == ABSENT && ALL_READY(BELOW) ->
			take_block(0);
			take_block(2);
			end = PAGES;
			taken = true
		:: else -> huge[CHUNK(BELOW, 0)] = false; huge[CHUNK(BELOW, 2)] = false
		fi
	:: else
	fi;
#endif
	if
	:: taken || !READY(BELOW, page)
	:: !taken && READY(BELOW, page) && word[CHUNK(LIVE, page)] != ABSENT ->
		assert(word[CHUNK(LIVE, page)] == SLOTS);
		end = page; /* memory_block_split */
		huge[0] = false;
		huge[1] = false;
		huge[2] = false;
		huge[3] = false;
		word[CHUNK(BELOW, page)] = SLOTS;
		slot[SLOT(BELOW, page / 2 * 2)] = first[CHUNK(BELOW, page)] + 1;
		slot[SLOT(BELOW, page / 2 * 2 + 1)] = first[CHUNK(BELOW, page)] + 2
	:: else -> take_block(page)
	fi
}

/* layer_take_pages, one page a step, and layer_take_page */
inline take_pages()
{
	end = cursor / 2 * 2 + 2;
	if
	:: word[CHUNK(BELOW, cursor)] != SLOTS -> take_chunk(cursor)
	:: else ->
		assert(word[CHUNK(LIVE, cursor)] != BLOCK);
		word[CHUNK(LIVE, cursor)] = SLOTS;
		end = cursor + 1;
		if
		:: SHOWS(BELOW, cursor) && !SHOWS(LIVE, cursor) ->
			at = slot[SLOT(LIVE, cursor)]; /* hidden */
			slot[SLOT(LIVE, cursor)] = slot[SLOT(BELOW, cursor)];
			kept[SLOT(LIVE, cursor)] = false;
			slot[SLOT(BELOW, cursor)] = at;
			kept[SLOT(BELOW, cursor)] = at != 0;
			at = 0
		:: else
		fi
	fi
}

/* layer_merge_end, and all that is below is freed and somebody else's */
inline merge_end()
{
	layered = false;
	for (at : 0 .. PAGES - 1) {
		if
		:: word[CHUNK(BELOW, at)] == BLOCK ->
			foreign[first[CHUNK(BELOW, at)] + at % 2] = true
		:: word[CHUNK(BELOW, at)] == SLOTS && slot[SLOT(BELOW, at)] != 0 ->
			foreign[slot[SLOT(BELOW, at)] - 1] = true
		:: else
		fi;
		slot[SLOT(BELOW, at)] = 0;
		kept[SLOT(BELOW, at)] = false
	}
	for (at : CHUNKS .. 2 * CHUNKS - 1) {
		word[at] = ABSENT; first[at] = 0; cleared[at] = 0; huge[at] = false
	}
	at = 0
}

/* layer_revoke, in one space */
inline revoke(s)
{
	if
	:: cursor < end -> at = cursor; d_step { unmap_entry(s, at) }; reached = MIN(reached, at)
	:: else
	fi;
	at = 0;
	level = 0
}

proctype merge()
{
	byte at, end, reached, level, k;
	bool taken;

	do
	:: cursor == PAGES -> break
	:: atomic { cursor < PAGES && !layers ->
			layers = true;
#ifndef BROKEN_HELP
			if
			:: breaking != 0 -> at = breaking - 1; give_page(at); at = 0
			:: else
			fi;
#endif
			d_step { take_pages() };
			reached = end;
			check()
		};
		atomic { !locked[0] -> revoke(0); check() };
		atomic { !locked[1] -> revoke(1);
#ifdef BROKEN_REVOKE
			reached = end;
#endif
			cursor = reached;
			if
			:: cursor == PAGES -> d_step { merge_end() }
			:: else
			fi;
			end = 0;
			reached = 0;
			taken = false;
			layers = false;
			check()
		}
	od;
	done++
}

/* A page that a reset has hidden. */
inline any_hidden()
{
	if
	:: word[0] = SLOTS; slot[SLOT(LIVE, 0)] = NEW_PAGE(0) + 1; kept[SLOT(LIVE, 0)] = true
	:: skip
	fi
}

/*
 * What is frozen: a GiB, ready or not in its first or last piece; a block beside one that is not; a
 * block beside pages.
 */
inline any_object()
{
	word[2] = BLOCK;
	word[3] = BLOCK;
	cleared[2] = 2;
	cleared[3] = 2;
	first[3] = 2;
	blocks = true;
	if
	:: huge[2] = true; huge[3] = true;
		if
		:: any_hidden()
		:: cleared[2] = 1; whole = true
		:: cleared[2] = 1
		:: cleared[3] = 1; whole = true
		:: cleared[3] = 1
		fi
	:: cleared[3] = 1; blocks = false; any_hidden()
	:: word[3] = SLOTS; cleared[3] = 0; first[3] = 0; slot[SLOT(BELOW, 2)] = 3; any_hidden()
	fi;
#ifdef BROKEN_WORD
	huge[2] = true;
	huge[3] = true;
	word[0] = ABSENT;
	word[3] = BLOCK;
	first[3] = 2;
	cleared[2] = 2;
	cleared[3] = 1;
	whole = true;
#endif
}

init {
	atomic { any_object(); run cpu(0); run cpu(1); run merge() }
}

/* Each access is made in the end, and the merge comes to its own. */
ltl ends { <> (done == 3) }
