import { errorText } from "../../api/error-code.ts";

/** What a person can do where nothing can be written into the state folder, as a sentence. */
export function stateFolderProblem(folder: string, error: unknown): string {
  const code = errorText(error);
  switch (code) {
    case "ENAMETOOLONG":
      return `the path of the state folder ${folder} is too long: name a shorter one with --state`;
    case "ENOSPC":
    case "EDQUOT":
      return `the disk of the state folder ${folder} is full (${code}): free space, or name another folder with --state`;
    case "EACCES":
    case "EPERM":
    case "EROFS":
      return `the state folder ${folder} cannot be written (${code}): check its permissions, or name another one with --state`;
    default:
      return `the state folder ${folder} cannot be written (${code}): check its disk`;
  }
}
