import { join } from 'node:path';
import { lookAtStore, type StoreLook } from '../../store/store-look.ts';
import { readMetadata } from '../metadata.ts';

/** The store of a workspace as it is, beside whoever works with it. */
export function lookAtWorkspaceStore(beadsDir: string): StoreLook {
  try {
    return lookAtStore(join(beadsDir, readMetadata(beadsDir).database));
  } catch (error) {
    // Names that cannot be used: what is wrong with them is said where the files are looked at.
    return { kind: 'unreadable', problem: error instanceof Error ? error.message : String(error) };
  }
}
