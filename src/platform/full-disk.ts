/** In git's words and in Node's. */
export const DISK_FULL = /no space left on device|disk quota exceeded/i;

export const MAKE_SPACE = 'Make space on the disk, then run `bd sync`.';

export function isDiskFull(reason: string): boolean {
  return DISK_FULL.test(reason);
}
