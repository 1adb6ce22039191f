import { BdError } from '../core/errors.ts';
import { watchIdentity } from '../platform/file-version.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Store } from '../store/store.ts';

export type HeldStore = ReturnType<typeof holdStore>;
export type Standing = ReturnType<HeldStore['standing']>;

/** An open store, as long as its lock and its file are the ones that it was opened with. */
export function holdStore(place: WorkspacePlace, open: () => Store) {
  const isOurs = watchIdentity(place.lockFile);
  const store = open();
  const standing = () => (isOurs() ? store.standing() : 'lost');
  return {
    store,
    standing,
    /** Throws when a write would be lost. */
    guardWriting(): void {
      if (standing() !== 'ours') throw replaced(place);
    },
    /** Throws when another process may have newer issues: show others nothing more. */
    guardShowing(): void {
      if (standing() === 'lost') throw replaced(place);
    },
    close(): void {
      // The holder of another lock may have the store open.
      if (isOurs()) store.putAside();
      store.close();
    },
  };
}

function replaced({ beadsDir }: WorkspacePlace): BdError {
  return new BdError('LOCK_UNAVAILABLE', {
    message: `${beadsDir} was removed or replaced while it was open`,
    remedy: 'Run the command again: it opens what is there now.',
  });
}
