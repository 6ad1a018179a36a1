package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// writeNew replaces a regular file whole or not at all; a symbolic link stays,
// and what it leads to is replaced. What is no file, a device or a pipe, is
// written to.
func writeNew(path string, text []byte) error {
	if target, err := filepath.EvalSymlinks(path); err == nil {
		path = target
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case info.IsDir():
		return fmt.Errorf("%s is a directory; name a file in it", path)
	case !info.Mode().IsRegular():
		return writeInto(path, text)
	}
	return replace(path, text)
}

// writeInto writes to what is there.
func writeInto(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

func replace(path string, text []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), ".sitrep-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// toFile runs write on a new file that appears when it is whole, or on standard
// output if file is empty.
func (a *app) toFile(file string, write func(io.Writer) error) (err error) {
	if file == "" {
		return write(a.stdout)
	}
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s exists: give another name with -o", file)
	}
	part, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".part-*")
	if err != nil {
		return err
	}
	defer func() {
		err = errors.Join(err, part.Close(), os.Remove(part.Name()))
	}()
	if err := write(part); err != nil {
		return err
	}
	if err := part.Sync(); err != nil {
		return err
	}
	return os.Link(part.Name(), file) // refuses a name that is taken meanwhile
}
