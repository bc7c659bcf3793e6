/** The version of this package. A constant, because a bundle has no manifest to read; a test compares it with the manifest. */
export const PACKAGE_VERSION = '0.1.0';
