import type { Database } from 'better-sqlite3';
import { readSetting, type Settings } from './settings.ts';

const KEY = 'project_id';

/** A project's store among the files of another one: their issues never mix. */
export function isOfOther(database: Database, projectId: string | undefined): boolean {
  const theirs = readSetting(database, KEY);
  return projectId !== undefined && theirs !== undefined && theirs !== projectId;
}

/** From now on it is known whose issues the store holds. */
export function noteProject(settings: Settings, projectId: string): void {
  if (settings.get(KEY) !== projectId) settings.set(KEY, projectId);
}
