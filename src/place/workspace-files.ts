import { WorkspacePlace } from './workspace-place.ts';

// For callers that do not hold a WorkspacePlace yet.

export const socketLinkPath = (beadsDir: string): string => new WorkspacePlace(beadsDir).socketLink;

export const daemonLockPath = (beadsDir: string): string => new WorkspacePlace(beadsDir).lockFile;

export const daemonPidPath = (beadsDir: string): string => new WorkspacePlace(beadsDir).pidFile;

export const daemonLogPath = (beadsDir: string): string => new WorkspacePlace(beadsDir).logFile;

export const crashReportPath = (beadsDir: string): string => new WorkspacePlace(beadsDir).crashFile;

export const daemonOffPath = (beadsDir: string): string =>
  new WorkspacePlace(beadsDir).daemonOffFile;

export const daemonFailedPath = (beadsDir: string): string =>
  new WorkspacePlace(beadsDir).startFailureFile;

export function refuseLinks(beadsDir: string, names?: readonly string[]): void {
  new WorkspacePlace(beadsDir).refuseLinks(names);
}

export function readDaemonPid(beadsDir: string): number | undefined {
  return new WorkspacePlace(beadsDir).readPid();
}

export function nameHolder(beadsDir: string): string {
  return new WorkspacePlace(beadsDir).nameHolder();
}
