// SPDX-License-Identifier: MIT
// preact and htm by one name, and cells: values that components follow.
import { Fragment, h, render } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState }
	from "preact/hooks";
import htm from "htm";

export const html = htm.bind(h);
export {
	Fragment, render, useCallback, useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState,
};

/** A value with followers: `get()`, `set(value)`, `follow(callback)` that returns how to leave. */
export function cell(value) {
	const followers = new Set();
	return {
		get: () => value,
		set(next) {
			if (next === value) {
				return;
			}
			value = next;
			followers.forEach((callback) => callback());
		},
		follow(callback) {
			followers.add(callback);
			return () => followers.delete(callback);
		},
	};
}

/** The cell's value; the component is drawn again when it changes. */
export function useCell(source) {
	const [, redraw] = useReducer((count) => count + 1, 0);
	const drawn = source.get();
	useLayoutEffect(() => {
		const leave = source.follow(redraw);
		if (source.get() !== drawn) {
			redraw();
		}
		return leave;
	}, [source]);
	return drawn;
}
