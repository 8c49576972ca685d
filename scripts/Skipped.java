import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Stream;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * Reads the reports of a test run and prints its end: every skipped test with its reason, every test that passed only
 * when it was repeated, and the counts. With
 * {@code --only-docker} a skip for any other reason than a missing Docker engine or image is a failure.
 */
final class Skipped {

    public static void main(String[] args) throws Exception {
        boolean onlyDocker = List.of(args).contains("--only-docker");
        int passed = 0;
        int failed = 0;
        int skipped = 0;
        boolean otherReason = false;
        Map<String, Integer> reasons = new TreeMap<>();
        Set<String> repeated = new TreeSet<>();
        for (Path report : reports()) {
            Element suite = DocumentBuilderFactory.newInstance()
                    .newDocumentBuilder()
                    .parse(report.toFile())
                    .getDocumentElement();
            NodeList cases = suite.getElementsByTagName("testcase");
            for (int i = 0; i < cases.getLength(); i++) {
                Element test = (Element) cases.item(i);
                NodeList skips = test.getElementsByTagName("skipped");
                if (skips.getLength() > 0) {
                    skipped++;
                    String reason = ((Element) skips.item(0)).getAttribute("message").strip();
                    reasons.merge(test.getAttribute("classname") + ": " + reason, 1, Integer::sum);
                    otherReason |= !reason.contains("Docker");
                } else if (test.getElementsByTagName("failure").getLength() > 0
                        || test.getElementsByTagName("error").getLength() > 0) {
                    failed++;
                } else {
                    passed++;
                    if (test.getElementsByTagName("flakyFailure").getLength() > 0
                            || test.getElementsByTagName("flakyError").getLength() > 0) {
                        repeated.add(test.getAttribute("classname") + "." + test.getAttribute("name"));
                    }
                }
            }
        }
        if (!reasons.isEmpty()) {
            System.out.println("Skipped:");
            reasons.forEach((reason, count) -> System.out.println("  " + count + " x " + reason));
        }
        if (!repeated.isEmpty()) {
            System.out.println("Passed only when repeated, and so to be looked at:");
            repeated.forEach(test -> System.out.println("  " + test));
        }
        System.out.println(passed + " passed, " + failed + " failed, " + skipped + " skipped");
        if (passed == 0 || failed > 0 || onlyDocker && otherReason) {
            System.exit(1);
        }
    }

    private static List<Path> reports() throws IOException {
        try (Stream<Path> files = Files.walk(Path.of("."), 5)) {
            return files.filter(file -> file.getParent() != null && file.getParent().endsWith("surefire-reports"))
                    .filter(file -> file.getFileName().toString().matches("TEST-.*\\.xml"))
                    .sorted()
                    .toList();
        }
    }
}
