import { BdError } from '../core/errors.ts';
import { watchIdentity } from '../platform/file-version.ts';
import type { WorkspacePlace } from '../place/workspace-place.ts';
import type { Store } from '../store/store.ts';

/**
 * `ours`: to be read and written. `replaced`: the store's file is another one now, or none: what is open is shown,
 * and closed. `lost`: another process may be writing, or the store cannot be believed: nothing more
 * is written.
 */
export type Standing = 'ours' | 'replaced' | 'lost';

/** An open store, as long as its lock and its file are what they were when it was opened. */
export interface HeldStore {
  readonly store: Store;
  standing(): Standing;
  /** Throws where what is written now would be lost. */
  guardWriting(): void;
  /** Throws where what is shown to others is no longer ours to show. */
  guardShowing(): void;
  close(): void;
}

export function holdStore(place: WorkspacePlace, open: () => Store): HeldStore {
  const isOurs = watchIdentity(place.lockFile);
  const store = open();
  const standing = (): Standing => {
    if (!isOurs()) return 'lost';
    const found = store.standing();
    return found === 'ours' || found === 'replaced' ? found : 'lost';
  };
  return {
    store,
    standing,
    guardWriting() {
      if (standing() !== 'ours') throw replaced(place);
    },
    guardShowing() {
      if (standing() === 'lost') throw replaced(place);
    },
    close() {
      // Whoever holds another lock may have it open.
      if (isOurs()) store.putAside();
      store.close();
    },
  };
}

/** Another process may be writing, or soon be: what is written here now would be lost. */
function replaced({ beadsDir }: WorkspacePlace): BdError {
  return new BdError('LOCK_UNAVAILABLE', {
    message: `${beadsDir} was removed or replaced while it was open`,
    remedy: 'Run the command again: it opens what is there now.',
  });
}
