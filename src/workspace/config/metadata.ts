import { readFileSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { BdError, messageOf } from '../../core/errors.ts';
import { fileVersion } from '../../platform/file-version.ts';
import { isNotFound, writeFileAtomically } from '../../platform/files.ts';
import type { WorkspacePlace } from '../../place/workspace-place.ts';

/** `.beads/metadata.json`: the names of the workspace's files, and which project it belongs to. */
export interface Metadata {
  database: string;
  jsonl_export: string;
  /** Random, made by `bd init` and shared through the branch: equal ids are one project, whatever the URL. */
  project_id: string;
}

/** The mirror's name in a new workspace, and the one that the classic tool gave it. */
export const DEFAULT_MIRROR = 'beads.jsonl';
export const CLASSIC_MIRROR = 'issues.jsonl';

/** A name inside `.beads`: a cloned repository must not make bd write elsewhere. */
const PLAIN_NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;

export function readMetadata({ metadataFile: path }: WorkspacePlace): Metadata {
  const value = readJson(path);
  const {
    database = 'beads.db',
    jsonl_export: mirror = DEFAULT_MIRROR,
    project_id: id = '',
  } = value;
  if (typeof id !== 'string') throw broken(path, '"project_id" is not a string');
  if (database === mirror) throw broken(path, 'one file cannot be the store and the mirror');
  for (const name of [database, mirror]) {
    if (typeof name !== 'string' || !PLAIN_NAME.test(name)) {
      throw broken(path, `${JSON.stringify(name)} is not a file name inside .beads`);
    }
  }
  return { database: database as string, jsonl_export: mirror as string, project_id: id };
}

/** The files that SQLite keeps for a store. */
export function storeFiles(database: string): string[] {
  return ['', '-journal', '-wal', '-shm'].map((suffix) => `${database}${suffix}`);
}

/** Throws when the store or the mirror is a link: both the names and the links can come with a clone. */
export function refuseLinkedFiles(
  place: WorkspacePlace,
  { database, jsonl_export: mirror }: Metadata,
): void {
  place.refuseLinks([...storeFiles(database), mirror]);
}

/** The file as an open workspace goes by it; refuses linked files. */
export class OpenMetadata {
  readonly #place: WorkspacePlace;
  #current: Metadata;
  #version = '';
  #isChanging = false;

  constructor(place: WorkspacePlace) {
    this.#place = place;
    this.#current = this.#read();
  }

  get current(): Metadata {
    return this.#current;
  }

  /** Whether the file says something else since, or cannot be used any more. */
  isEdited(): boolean {
    const version = fileVersion(this.#place.metadataFile);
    if (this.#isChanging || version === this.#version) return false;
    try {
      if (!isDeepStrictEqual(readMetadata(this.#place), this.#current)) return true;
    } catch {
      return true;
    }
    this.#version = version;
    return false;
  }

  /** Makes a change that may write the file. */
  async change<T>(change: () => Promise<T>): Promise<T> {
    this.#isChanging = true;
    try {
      const changed = await change();
      this.#current = this.#read();
      return changed;
    } finally {
      this.#isChanging = false;
    }
  }

  #read(): Metadata {
    // Taken first: an edit during the read shows as one.
    this.#version = fileVersion(this.#place.metadataFile);
    const metadata = readMetadata(this.#place);
    refuseLinkedFiles(this.#place, metadata);
    return metadata;
  }
}

export async function writeMetadata(place: WorkspacePlace, metadata: Metadata): Promise<void> {
  await writeFileAtomically(place.metadataFile, `${JSON.stringify(metadata, null, 2)}\n`);
}

function readJson(path: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    if (typeof value === 'object' && value !== null) return { ...value };
    throw broken(path, 'it is not a JSON object');
  } catch (error) {
    // A workspace made by hand or by another tool may have none: the classic names apply.
    if (isNotFound(error)) return {};
    if (error instanceof BdError) throw error;
    throw broken(path, messageOf(error));
  }
}

function broken(path: string, reason: string): BdError {
  return new BdError('FILE_UNUSABLE', {
    message: `cannot use ${path}: ${reason}`,
    remedy: 'Correct the file, or remove it to use the default names.',
  });
}
