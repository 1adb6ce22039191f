import { readdirSync, readFileSync } from 'node:fs';

/** As Linux prints it among the flags of a descriptor. */
const CLOSES_ON_EXEC = 0o2000000;

/**
 * Descriptors that somebody gave this process beside the standard three, and that its children get
 * too: Node keeps back those up to the first gap above 15 only. Empty where the system does not tell.
 */
export function listInheritedDescriptors(): number[] {
  try {
    return readdirSync('/proc/self/fdinfo')
      .map(Number)
      .filter((descriptor) => descriptor > 2 && isPassedOn(descriptor));
  } catch {
    return [];
  }
}

function isPassedOn(descriptor: number): boolean {
  try {
    const info = readFileSync(`/proc/self/fdinfo/${descriptor}`, 'utf8');
    const flags = Number.parseInt(/^flags:\s*([0-7]+)/m.exec(info)?.[1] ?? '', 8);
    return (flags & CLOSES_ON_EXEC) === 0;
  } catch {
    // That of the listing itself.
    return false;
  }
}
