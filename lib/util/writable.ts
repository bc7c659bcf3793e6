/** The same type, whose properties can be set. */
export type Writable<T> = { -readonly [K in keyof T]: T[K] };
