/** A process environment as an argument; only entry points read the real one. */
export type Environment = Readonly<Record<string, string | undefined>>;
