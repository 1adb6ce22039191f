/** What `bd doctor` says about one thing that it looked at. */
export interface Finding {
  category: 'Workspace' | 'Issues' | 'Git' | 'Daemon';
  name: string;
  status: 'ok' | 'warning' | 'error';
  message: string;
  detail?: string;
  /** The one command that mends it. */
  fix?: string | undefined;
}
