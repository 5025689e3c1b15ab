"""The parser of an exported game, in Inform 6: what `parser.py` does, line by line."""

PARSER = """
! -- The parser: texts are arrays of a length and then so many letters, as the Z-machine prints them into memory -------

Constant MZ_LONGEST 250;
Array MzLine -> (MZ_LONGEST + 3);  ! what was typed, as the Z-machine reads it: room, length, letters
Array MzTyped -> (MZ_LONGEST + 60);
Array MzOther -> (MZ_LONGEST + 60);
Array MzRest -> (MZ_LONGEST + 60);
Array MzRow -> 120;  ! the longest command has 93 letters

[ MzReadLine i;
	MzLine->0 = MZ_LONGEST; MzLine->1 = 0;
	sline1 = score; sline2 = turns;  ! for the status line
	PrintPrompt();
	DrawStatusLine();
	KeyboardPrimitive(MzLine, parse);
	@output_stream 3 MzOther;
	if (MzLine->1 > 3 && MzLine->1 < 100 && MzLine->2 == 't' && MzLine->3 == 'w' && MzLine->4 == '-')
		for (i=0 : i<MzLine->1 : i++) print (char) MzLine->(i + 2);
	else print "tw-obey";
	@output_stream -3;
	buffer->1 = MzOther-->0;
	for (i=0 : i<MzOther-->0 : i++) buffer->(i + 2) = MzOther->(i + 2);
	VM_Tokenise(buffer, parse);
];

[ MzRead i from to wanted command marked;  ! the number of the command that the line means, or -1 and an answer
	from = 2; to = MzLine->1 + 2;
	while (from < to && MzIsEdge(MzLine->from)) from++;
	while (from < to && MzIsEdge(MzLine->(to - 1))) to--;
	MzTyped-->0 = 0;
	for (i=from : i<to : i++) MzAppend(MzLine->i);
	command = MzFind();  ! for a name may hold what is an article elsewhere
	if (command >= 0) return command;
	for (i=from : i<to : i++) if (MzLine->i == '.' or ';') marked = true;
	MzTyped-->0 = 0;
	while (from < to) {
		if (MzLine->from == ' ') { from++; continue; }
		MzOther-->0 = 0;
		for ( : from<to && MzLine->from ~= ' ' : from++) {
			MzOther->(MzOther-->0 + 2) = MzLine->from; MzOther-->0 = MzOther-->0 + 1;
		}
		if (MzIsOneOf(MzOther, MzArticles)) continue;
		if (MzIsOneOf(MzOther, MzChains)) marked = true;
		if (MzTyped-->0) MzAppend(' ');
		for (i=0 : i<MzOther-->0 : i++) MzAppend(MzOther->(i + 2));
	}
	if (MzTyped-->0 == 0) { print (string) MZ_EMPTY; return -1; }
	if (MzTyped-->0 > MZ_LONGEST_LINE) { print (string) MZ_TOO_LONG; return -1; }
	if (marked) { print (string) MZ_CHAINED; return -1; }
	MzPlain();
	command = MzFind();
	if (command >= 0) return command;
	for (wanted=1 : wanted>=0 : wanted=wanted-1) {
		i = MzCount(wanted);
		if (i == 1) return MzCovered(0, wanted);
		if (i == 0) continue;
		print "Which do you mean: ";
		for (command=MzCovered(0, wanted) : command>=0 : command=MzCovered(command + 1, wanted)) {
			print (string) MzCommands-->command;
			i--;
			if (i > 1) print ", ";
			if (i == 1) print " or ";
		}
		print "?";
		return -1;
	}
	print "You cannot @@34";
	for (i=2 : i<MzTyped-->0 + 2 && i<MZ_LONGEST_SHOWN + 2 : i++)
		if (MzTyped->i < 32 || MzTyped->i > 126) print "?"; else print (char) MzTyped->i;
	print "@@34 here.";
	command = MzNearest();
	if (command < 0) print " Type help to see what you can do.";
	else print " Did you mean @@34", (string) MzCommands-->command, "@@34?";
	return -1;
];

[ MzIsEdge letter;
	return letter == ' ' or '.' or '!';
];

[ MzAppend letter;
	MzTyped->(MzTyped-->0 + 2) = letter;
	MzTyped-->0 = MzTyped-->0 + 1;
];

[ MzPrint text i;
	for (i=0 : i<text-->0 : i++) print (char) text->(i + 2);
];

[ MzIs text string i;  ! is this text that string?
	@output_stream 3 MzRest; print (string) string; @output_stream -3;
	if (text-->0 ~= MzRest-->0) rfalse;
	for (i=0 : i<text-->0 : i++) if (text->(i + 2) ~= MzRest->(i + 2)) rfalse;
	rtrue;
];

[ MzIsOneOf text strings i;
	for (i=0 : strings-->i : i++) if (MzIs(text, strings-->i)) rtrue;
	rfalse;
];

[ MzFind i;  ! the number of the command that was typed, or -1
	for (i=0 : i<MZ_COMMANDS : i++) if (MzIs(MzTyped, MzCommands-->i)) return i;
	return -1;
];

[ MzWordEnd text from i;  ! where the word that begins there ends
	for (i=from : i<text-->0 && text->(i + 2) ~= ' ' : i++) ;
	return i;
];

[ MzPlain i end from;  ! put short forms and synonyms into our own words
	for (i=0 : MzShort-->i : i=i+2)
		if (MzIs(MzTyped, MzShort-->i)) { MzReplace(MzTyped-->0, MzShort-->(i + 1)); break; }
	for (i=0 : MzVerbs-->i : i=i+2) {  ! those of two words come first
		end = MzBeginsWith(MzVerbs-->i);
		if (end) { MzReplace(end, MzVerbs-->(i + 1)); break; }
	}
	if (MzBeginsWith("go") ~= 2) return;
	from = 3;
	if (MzTyped-->0 <= from || MzWordEnd(MzTyped, from) < MzTyped-->0) return;
	MzOther-->0 = MzTyped-->0 - from;
	for (i=0 : i<MzOther-->0 : i++) MzOther->(i + 2) = MzTyped->(from + i + 2);
	for (i=0 : MzShort-->i : i=i+2)
		if (MzIs(MzOther, MzShort-->i)) {
			MzReplace(MzTyped-->0, MzShort-->(i + 1));
			if (MzBeginsWith("go") == 2) return;
			@output_stream 3 MzOther; print "go "; MzPrint(MzTyped); @output_stream -3;
			MzCopy(MzTyped, MzOther);
			return;
		}
];

[ MzBeginsWith string i;  ! the length of the string, if the line begins with just these words; else 0
	@output_stream 3 MzRest; print (string) string; @output_stream -3;
	for (i=0 : i<MzRest-->0 : i++) if (i >= MzTyped-->0 || MzTyped->(i + 2) ~= MzRest->(i + 2)) rfalse;
	if (i < MzTyped-->0 && MzTyped->(i + 2) ~= ' ') rfalse;
	return i;
];

[ MzReplace length string i;  ! put the string in place of the first letters of the line
	@output_stream 3 MzRest;
	print (string) string;
	for (i=length : i<MzTyped-->0 : i++) print (char) MzTyped->(i + 2);
	@output_stream -3;
	MzCopy(MzTyped, MzRest);
];

[ MzCopy to from i;
	for (i=0 : i<from-->0 + 2 : i++) to->i = from->i;
];

[ MzCount wanted i n;  ! how many of the commands, or of those that are admissible, the line may mean
	for (i=MzCovered(0, wanted) : i>=0 : i=MzCovered(i + 1, wanted)) n++;
	return n;
];

[ MzCovered i wanted;  ! the first of them from number i on, or -1
	for ( : i<MZ_COMMANDS : i++)
		if (MzCovers(MzCommands-->i)) {
			if (wanted == false) return i;
			MzTry(i);
			if (MzDiffers()) return i;
		}
	return -1;
];

[ MzCovers string i end first;  ! does the line have the command's verb, and no word that the command has not?
	@output_stream 3 MzOther; print (string) string; @output_stream -3;
	first = MzWordEnd(MzTyped, 0);
	if (MzHasWord(0, first) ~= 1) rfalse;
	for (i=0 : i<MzTyped-->0 : i=end+1) {
		end = MzWordEnd(MzTyped, i);
		if (MzHasWord(i, end) == 0) rfalse;
	}
	rtrue;
];

[ MzHasWord from to i end j n;  ! which word of MzOther is the line's from here to there? 0 if none
	for (i=0 : i<MzOther-->0 : i=end+1) {
		end = MzWordEnd(MzOther, i);
		n++;
		if (end - i ~= to - from) continue;
		for (j=i : j<end : j++) if (MzOther->(j + 2) ~= MzTyped->(from + j - i + 2)) break;
		if (j == end) return n;
	}
	return 0;
];

[ MzNearest i best near n length;  ! the command most like the line, or -1
	length = MzTyped-->0;
	if (length > MZ_LONGEST_SHOWN) length = MZ_LONGEST_SHOWN;
	best = 1000;
	for (i=0 : i<MZ_COMMANDS : i++) {
		@output_stream 3 MzOther; print (string) MzCommands-->i; @output_stream -3;
		n = MzDistance(length);
		if (n < best) { best = n; near = i; }
	}
	n = length / 3;
	if (n < 1) n = 1;
	if (best <= n) return near;
	MzTyped-->0 = MzWordEnd(MzTyped, 0);
	return MzFind();
];

[ MzDistance length i j above left n;  ! Levenshtein's, between the first letters of the line and MzOther
	for (j=0 : j<=MzOther-->0 : j++) MzRow->j = j;
	for (i=1 : i<=length : i++) {
		above = MzRow->0;
		MzRow->0 = i;
		left = i;
		for (j=1 : j<=MzOther-->0 : j++) {
			n = above;
			if (MzTyped->(i + 1) ~= MzOther->(j + 1)) n++;
			above = MzRow->j;
			if (above + 1 < n) n = above + 1;
			if (left + 1 < n) n = left + 1;
			MzRow->j = n;
			left = n;
		}
	}
	return left;
];
"""
