/** An entry of a tree, as git-mktree(1) names its parts. */
export interface TreeEntry {
  /** `100644` for a file, `40000` for a directory. */
  mode: string;
  /** In latin1: names are bytes to git, and this carries any bytes there and back. */
  name: string;
  oid: string;
}

/** One entry after another: `<mode> <name>\0<oid>`, with `nameBytes` bytes of oid. */
export function decodeTree(content: Buffer, nameBytes: number): TreeEntry[] {
  const entries: TreeEntry[] = [];
  for (let at = 0; at < content.length;) {
    const space = content.indexOf(0x20, at);
    const end = content.indexOf(0, space);
    const next = end + 1 + nameBytes;
    entries.push({
      mode: content.toString('latin1', at, space),
      name: content.toString('latin1', space + 1, end),
      oid: content.toString('hex', end + 1, next),
    });
    at = next;
  }
  return entries;
}

export function encodeTree(entries: readonly TreeEntry[]): Buffer {
  const parts = entries
    .toSorted((left, right) => compareBytes(sortKey(left), sortKey(right)))
    .flatMap(({ mode, name, oid }) => [
      Buffer.from(`${mode} ${name}\0`, 'latin1'),
      Buffer.from(oid, 'hex'),
    ]);
  return Buffer.concat(parts);
}

export function isTree({ mode }: TreeEntry): boolean {
  return mode === '40000';
}

/** Git sorts a directory as if its name ended in a slash. */
function sortKey(entry: TreeEntry): string {
  return isTree(entry) ? `${entry.name}/` : entry.name;
}

/** Each character is one byte. */
function compareBytes(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}
