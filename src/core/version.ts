import packageJson from '../../package.json';

/** The program's own version, as npm knows it. */
export const VERSION: string = packageJson.version;
