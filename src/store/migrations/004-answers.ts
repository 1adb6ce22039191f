/** What a change answered, by the key of the command that asked for it. */
export const answers = `
  CREATE TABLE answers (
    seq    INTEGER PRIMARY KEY,
    key    TEXT NOT NULL UNIQUE,
    result TEXT NOT NULL
  ) STRICT;
`;
